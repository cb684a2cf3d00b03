// Tells a storm's outcome in figures, and every promise that was broken.
import type { Break } from './judge.ts';
import { type Latency, sortLatencies } from './latency.ts';
import { type StormOptions, writeCommand } from './options.ts';
import type { StormReport } from './run.ts';

const EXAMPLES = 5;

export function writeReport(report: StormReport, options: StormOptions): string {
  const { breaks, stormMs, calmMs, scene } = report;
  const clock = scene.clock
    ? `clock of ${scene.clock.member} ${Math.round(scene.clock.ms / 1000)} s off`
    : 'clocks as they are';
  return [
    `seed ${options.seed}: storm ${inSeconds(stormMs)}, then calm after ${inSeconds(calmMs)}; ${clock}`,
    ...listPosts(report),
    ...listTroubles(report),
    ...listLatencies(report),
    ...(breaks.length > 0 ? listBreaks(breaks) : ['  every promise was kept']),
    ...(report.logs ? [`  logs: ${report.logs}`] : []),
    `again: ${writeCommand(options)}`,
    '',
  ].join('\n');
}

function listPosts({ truths, creators, scene }: StormReport): string[] {
  const accepted = truths.filter(({ order }) => order.jobId);
  const staying = accepted.filter(({ order }) => order.creator.fate !== 'leaving');
  const states = count(
    staying.map(({ job }) =>
      job?.['waits_for_word'] ? 'waiting for word' : String(job?.['state'] ?? 'gone'),
    ),
  );
  const waits = truths.flatMap(({ order }) => (order.answer ? [order.answer.ms] : []));
  const late = staying.flatMap(({ order: { scheduledAt }, posts: [post] }) =>
    scheduledAt !== null && post ? [post.created_at - scheduledAt] : [],
  );
  const webhooks = count(scene.sandbox.state.webhooks.map(({ status }) => String(status)));
  return [
    `  posts: ${truths.length} ordered, ${accepted.length} accepted; of ${staying.length} whose creators stayed ${inWords(states)}`,
    `  accepted within: p50 ${inSeconds(percentile(waits, 0.5))}, max ${inSeconds(percentile(waits, 1))}`,
    `  scheduled ones opened after their time: p50 ${inSeconds(percentile(late, 0.5))}, max ${inSeconds(percentile(late, 1))}`,
    `  creators: ${creators.length}, of whom ${creators.filter(({ hasLeft }) => hasLeft).length} were deleted; webhooks by last answer: ${inWords(webhooks)}`,
  ];
}

function listTroubles({ scene, faults }: StormReport): string[] {
  const happened = faults.filter((fault) => fault.count === 0);
  const ends = scene.members.flatMap(({ ownEnds }) => ownEnds);
  const inStart = ends.filter(({ wasReady }) => !wasReady).length;
  return [
    `  troubles: ${inWords(count(scene.occurrences.map(({ kind }) => kind)))}; ${scene.killsWithWork} kills hit a process that held a post`,
    `  faults of TikTok: ${faults.length} ordered, ${happened.length} met: ${inWords(count(happened.map(({ kind }) => kind)))}`,
    `  processes ended by themselves: ${ends.length}, of them ${inStart} while starting`,
  ];
}

function listLatencies({ scene, timing }: StormReport): string[] {
  const marginMs = timing.outageMs + timing.chanceToBeatMs;
  const sorted = sortLatencies(scene.taken, scene.occurrences, marginMs);
  return [
    `  from a kill to going on elsewhere: ${tellLatency(sorted.clear)}`,
    `    near a trouble of the database: ${tellLatency(sorted.near_database)}`,
    `    while the other worker was away: ${tellLatency(sorted.without_second_worker)}`,
  ];
}

function tellLatency({ count: runs, p50, max, never }: Latency): string {
  if (runs === 0) return 'no run was held';
  const missed = never > 0 ? `, ${never} NEVER` : '';
  return `${runs} runs, p50 ${inSeconds(p50)}, max ${inSeconds(max)}${missed}`;
}

function listBreaks(breaks: Break[]): string[] {
  const kinds = count(breaks.map(({ promise }) => promise));
  return Object.entries(kinds).flatMap(([promise, number]) => [
    `  BROKEN: ${promise}, ${number} times`,
    ...breaks
      .filter((each) => each.promise === promise)
      .slice(0, EXAMPLES)
      .map(({ subject, detail }) => `    ${subject}: ${detail}`),
  ]);
}

function count(names: string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

function inWords(counts: Record<string, number>): string {
  const parts = Object.entries(counts).map(([name, number]) => `${number} ${name}`);
  return parts.join(', ') || 'none';
}

function percentile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

function inSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
