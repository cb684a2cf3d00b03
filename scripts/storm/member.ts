// One process of the instance under the storm: it is ended, stopped, and started again when it ends.
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Timing } from '../../src/base/timing.ts';
import { COMPILED } from '../../test/support/cache.ts';
import type { Line } from './line.ts';
import type { Hold } from './options.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const RESTART_MS = 500;

/** An end that nobody asked for. */
export interface OwnEnd {
  member: string;
  /** Whether it had started before. */
  wasReady: boolean;
  code: number | null;
  last: string;
}

export interface Member extends AsyncDisposable {
  name: string;
  url: string;
  line: Line;
  /** The pools that graphile-worker opened in it, in all its lives. */
  poolIds: Set<string>;
  ownEnds: OwnEnd[];
  isReady(): boolean;
  start(): void;
  /** SIGKILL, and waits until it is gone. It stays away until `start`. */
  kill(): Promise<void>;
  signal(name: 'SIGSTOP' | 'SIGCONT'): void;
}

export interface MemberOptions extends Pick<Member, 'name' | 'url' | 'line' | 'poolIds'> {
  env: Record<string, string>;
  /** Production's when undefined. */
  timing: Timing | undefined;
  logFile: string;
  hold: Hold;
}

export function createMember(options: MemberOptions): Member {
  const { name, url, line, poolIds } = options;
  let child: ChildProcess | null = null;
  let isWanted = false;
  let isReady = false;
  const ownEnds: OwnEnd[] = [];
  const start = () => {
    isWanted = true;
    isReady = false;
    const own = launch(options);
    child = own;
    const tail = keepOutput(own, options.logFile, (text) => {
      if (text.includes('"event":"started"')) isReady = true;
    });
    own.once('exit', async (code) => {
      if (child !== own || !isWanted) return;
      ownEnds.push({ member: name, wasReady: isReady, code, last: tail() });
      isReady = false;
      await sleep(RESTART_MS);
      if (isWanted && child === own) start();
    });
  };
  const kill = async () => {
    isWanted = false;
    isReady = false;
    if (child) await endChild(child);
  };
  process.once('exit', () => child?.kill('SIGKILL'));
  return {
    ...{ name, url, line, poolIds, ownEnds, start, kill },
    isReady: () => isReady,
    signal: (signal) => void child?.kill(signal),
    async [Symbol.asyncDispose]() {
      await kill();
      await line[Symbol.asyncDispose]();
    },
  };
}

function launch({ timing, env, hold }: MemberOptions): ChildProcess {
  const entry = timing
    ? [join(ROOT, 'scripts/timed-appliance.ts'), JSON.stringify(timing)]
    : [join(ROOT, 'src/main.ts')];
  const child = spawn(process.execPath, ['--max-semi-space-size=1', ...entry], {
    env: { PATH: process.env['PATH'] ?? '', NODE_COMPILE_CACHE: COMPILED, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // Ctrl-C must reach the storm alone, which then ends the others.
    detached: true,
  });
  if (child.pid !== undefined) child.once('exit', hold(child.pid));
  return child;
}

/** Writes all output to the file; returns a function that gives the last lines. */
function keepOutput(child: ChildProcess, path: string, onLine: (text: string) => void) {
  const file = createWriteStream(path, { flags: 'a' });
  const last: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue;
    createInterface({ input: stream }).on('line', (text) => {
      file.write(`${text}\n`);
      last.push(text);
      if (last.length > 5) last.shift();
      onLine(text);
    });
  }
  child.once('close', () => file.end());
  return () => last.join('\n');
}

async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = new Promise((done) => child.once('exit', done));
  child.kill('SIGKILL');
  await ended;
}
