// Sends requests to the API at a steady rate from a process of its own, and times the answers.
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { tell } from './report.ts';

export interface Answers {
  /** `at`: when the request was sent, in epoch ms; `ms`: how long the answer took. */
  answers: { at: number; ms: number }[];
  /** How many requests failed. */
  failed: number;
}

export interface Load {
  /** Ends the load and returns its answers. */
  stop(): Promise<Answers>;
}

/** Requests `path` of the appliance at `url`, with this API key; at most for ten minutes. */
export function startLoad(url: string, key: string, path = '/v1/jobs'): Load {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'client.ts'), url + path], {
    env: { PATH: process.env['PATH'] ?? '', BENCH_KEY: key },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const answer = read(child);
  return {
    async stop() {
      child.stdin?.end();
      return JSON.parse(await answer) as Answers;
    },
  };
}

/** Splits the answers of one client into those before and those after a moment (epoch, ms). */
export function splitAt(moment: number, { answers, failed }: Answers): [Answers, Answers] {
  return [
    { answers: answers.filter(({ at }) => at < moment), failed: 0 },
    { answers: answers.filter(({ at }) => at >= moment), failed },
  ];
}

/** Runs the load for `ms` milliseconds and returns its answers. */
export async function measureLoad(url: string, key: string, ms: number): Promise<Answers> {
  const load = startLoad(url, key);
  await new Promise((resolve) => setTimeout(resolve, ms));
  return load.stop();
}

/** Returns p99 of the busy times ÷ p99 of the quiet times around them, and prints both. */
export function compareLatency(quiet: Answers[], busy: Answers[]): number {
  tell(`GET /v1/jobs, quiet: ${inWords(quiet)}`);
  tell(`GET /v1/jobs, busy:  ${inWords(busy)}`);
  return percentile(busy, 0.99) / percentile(quiet, 0.99);
}

function percentile(answers: Answers[], share: number): number {
  const sorted = answers.flatMap((each) => each.answers.map(({ ms }) => ms)).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length * share)] ?? 0;
}

function inWords(answers: Answers[]): string {
  const [p50, p99] = [0.5, 0.99].map((share) => percentile(answers, share).toFixed(1));
  const count = answers.reduce((sum, each) => sum + each.answers.length, 0);
  const failed = answers.reduce((sum, each) => sum + each.failed, 0);
  return `p50 ${p50} ms, p99 ${p99} ms (${count} answers, ${failed} failed)`;
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
