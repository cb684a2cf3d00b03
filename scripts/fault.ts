// Ends scripts for operators with a sentence for people and an exit code for programs.
import { ConfigFaults } from '../src/base/config.ts';
import { EmbeddedPostgresFault } from '../src/base/postgres-programs.ts';

// From sysexits.h: EX_USAGE for a wrong call, EX_CONFIG for a wrong environment.
const EXIT_USAGE = 64;
const EXIT_CONFIG = 78;

/** Something that the operator must know or decide. The message consists of whole sentences. */
export class ScriptFault extends Error {
  readonly exitCode: number;
  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Returns the fault of a wrong call, whose message is the usage. */
export function wrongUsage(usage: string): ScriptFault {
  return new ScriptFault(usage, EXIT_USAGE);
}

/**
 * Runs a script and exits. The first SIGINT or SIGTERM aborts `signal`; a second one exits at once.
 */
export async function runScript(main: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stopped = new AbortController();
  let endsWith = 0;
  for (const [name, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
  ] as const) {
    process.on(name, () => {
      if (endsWith > 0) process.exit(endsWith);
      endsWith = 128 + number;
      stopped.abort(new ScriptFault('Stopped before the end; nothing was changed.', endsWith));
    });
  }
  try {
    await main(stopped.signal);
    process.exit(0);
  } catch (error) {
    const fault = stopped.signal.aborted ? stopped.signal.reason : error;
    process.stderr.write(`${explainFault(fault)}\n`);
    process.exit(chooseExitCode(fault));
  }
}

/**
 * Returns an error as a sentence. The database's errors show their code alone: their text may hold
 * user data.
 */
export function explainFault(error: unknown): string {
  const { message, code, severity } = error as Error & { code?: string; severity?: string };
  if (severity !== undefined) return `The database refused (code ${code}).`;
  if (code === 'ENOSPC' || code === 'EDQUOT') return 'The disk is full.';
  return message || String(code ?? error);
}

function chooseExitCode(error: unknown): number {
  if (error instanceof ConfigFaults || error instanceof EmbeddedPostgresFault) return EXIT_CONFIG;
  return error instanceof ScriptFault ? error.exitCode : 1;
}
