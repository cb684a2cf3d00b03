// Makes the log: one JSON line per fact on stdout, with event names and ids but no personal data.
import { Logger as WorkerLogger } from 'graphile-worker';
import { type Logger, pino, stdSerializers } from 'pino';

export type { Logger };

/**
 * Returns the log. Lines never hold captions, names, tokens, or URLs with queries. Errors are
 * reduced to type, code, message and frames; the message of a database error is left out, since it
 * may hold the offending value. `destination` replaces stdout in tests.
 */
export function createLog(level: string, destination?: { write(line: string): void }): Logger {
  const options = {
    level,
    base: { pid: process.pid },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    serializers: { err: serializeError },
    // pino copies the message of the error under this key into the line, and the message of a
    // database error may hold anything. None of our lines uses this key.
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

/** Discards graphile-worker's messages, since they hold payloads and errors. */
export const quietWorkerLogger = new WorkerLogger(() => () => {});
