// The log: one JSON line per fact on stdout. Never captions, names, tokens, or URLs with queries.
import { Logger as WorkerLogger } from 'graphile-worker';
import { type Logger, pino, stdSerializers } from 'pino';

export type { Logger };

/**
 * Errors are reduced to type, code and stack without the message of a database error, since
 * PostgreSQL's `detail` and messages may hold the offending value.
 */
export function createLog(level: string, destination?: { write(line: string): void }): Logger {
  const options = {
    level,
    base: { pid: process.pid },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    serializers: { err: serializeError },
    // pino copies the message of an error under this key into the line's own, and a database's may
    // hold anything: no line of ours has the key.
    errorKey: 'no_error_here',
  };
  return destination ? pino(options, destination) : pino(options);
}

function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { type: typeof error };
  const { type, stack, code } = stdSerializers.err(error) as {
    type: string;
    stack: string;
    code?: string;
  };
  const frames = stack?.split('\n').filter((line) => line.trimStart().startsWith('at ')) ?? [];
  const isDatabase = typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code);
  return { type, code, message: isDatabase ? undefined : error.message, at: frames.slice(0, 6) };
}

/** graphile-worker's own messages hold payloads and errors, so none of them is passed on. */
export const quietWorkerLogger = new WorkerLogger(() => () => {});
