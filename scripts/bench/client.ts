// A client process: sends a request to loopback every 10 ms, until stdin ends or ten minutes pass.
import { Agent, get } from 'node:http';

const EVERY_MS = 10;
const LONGEST_MS = 600_000;
const CONCURRENCY = 16;
/** The first requests are not counted, since connections and caches are not warm. */
const UNCOUNTED = 50;

const url = new URL(process.argv[2] ?? '');
if (!['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)) {
  throw new Error('Expected an address of this machine');
}
const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY });
const headers = { authorization: `Bearer ${process.env['BENCH_KEY']}` };
const answers: { at: number; ms: number }[] = [];
let failed = 0;
let asked = 0;
let underWay = 0;

function ask(): void {
  // When the server cannot keep up, requests are skipped rather than piled up.
  if (underWay >= CONCURRENCY) return;
  const isCounted = ++asked > UNCOUNTED;
  const at = Date.now();
  const askedAt = performance.now();
  underWay += 1;
  const request = get(url, { agent, headers }, (answer) => {
    answer.resume();
    answer.once('end', () => {
      underWay -= 1;
      if (answer.statusCode !== 200) failed += 1;
      else if (isCounted) answers.push({ at, ms: performance.now() - askedAt });
    });
  });
  request.once('error', () => {
    underWay -= 1;
    failed += 1;
  });
}

function end(): void {
  process.stdout.write(JSON.stringify({ answers, failed }), () => process.exit(0));
}

setInterval(ask, EVERY_MS);
setTimeout(end, LONGEST_MS);
process.stdin.resume().once('end', end);
