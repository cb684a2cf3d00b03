// Asks the API at a steady rate from a process of its own, and answers how long the answers took.
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { tell } from './report.ts';

export interface Latencies {
  count: number;
  failed: number;
  p50: number;
  p99: number;
}

export interface Load {
  /** Ends the asking; p99 over everything since the start. */
  stop(): Promise<Latencies>;
}

/** `path` of the appliance at `url`, as the creator of this key. It ends by itself, too. */
export function startLoad(url: string, key: string, path = '/v1/jobs'): Load {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'client.ts'), url + path], {
    env: { PATH: process.env['PATH'] ?? '', BENCH_KEY: key },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const answer = read(child);
  return {
    async stop() {
      child.stdin?.end();
      return JSON.parse(await answer) as Latencies;
    },
  };
}

/** The latencies of a quiet time of this length. */
export async function measureLoad(url: string, key: string, ms: number): Promise<Latencies> {
  const load = startLoad(url, key);
  await new Promise((resolve) => setTimeout(resolve, ms));
  return load.stop();
}

/** p99 under load ÷ that of the quiet times before and after it, which share out what else goes on. */
export function ratioOf(quiet: Latencies[], busy: Latencies): number {
  tell(`GET /v1/jobs, quiet: ${quiet.map(inWords).join(' and ')}`);
  tell(`GET /v1/jobs, busy:  ${inWords(busy)}`);
  return busy.p99 / (quiet.reduce((sum, { p99 }) => sum + p99, 0) / quiet.length);
}

function inWords({ count, failed, p50, p99 }: Latencies): string {
  return `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms (${count} answers, ${failed} failed)`;
}

function read(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout?.on('data', (part) => {
      text += part;
    });
    child.once('error', reject);
    child.once('close', () => resolve(text));
  });
}
