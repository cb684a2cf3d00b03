// Runs one storm: sets the scene, lets posts, troubles and faults loose, waits for calm, and judges.
import { copyFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Timing } from '../../src/base/timing.ts';
import type { Fault } from '../tiktok-sandbox/state.ts';
import { createChance } from './chance.ts';
import { connectCreators, type StormCreator } from './creators.ts';
import { type Break, judge } from './judge.ts';
import { makeMedia } from './media.ts';
import { chooseTiming, type Hold, type StormOptions } from './options.ts';
import { handIn, type Order, planOrders, sendAway } from './orders.ts';
import { pause } from './pause.ts';
import { planTroubles, sumDuration, type Trouble } from './plan.ts';
import { type Scene, setScene } from './scene.ts';
import { finishStuck, orderFaults, planFaults } from './tiktok-faults.ts';
import { causeTroubles } from './troubles.ts';
import { type Truth, WAITS_FOR_WORD } from './truth.ts';

export interface StormReport {
  scene: Omit<Scene, keyof AsyncDisposable>;
  breaks: Break[];
  truths: Truth[];
  creators: StormCreator[];
  faults: Fault[];
  timing: Timing;
  /** From the first post to the last trouble, and from there to calm. */
  stormMs: number;
  calmMs: number;
  /** Where the logs of a storm that broke a promise were put. */
  logs: string | null;
}

export interface StormHooks {
  signal?: AbortSignal;
  /** For whoever ends the processes if the storm itself is killed. */
  hold?: Hold;
  tell?(sentence: string): void;
}

/** However little else there is to do, the posts take so long. */
const LEAST_MS_PER_JOB = 250;
/** After the last trouble every post must have ended within this time. */
const CALM_MS = 240_000;
const CALM_DEFAULTS_MS = 1_200_000;

interface Cast {
  scene: Scene;
  creators: StormCreator[];
  orders: Order[];
  troubles: Trouble[];
  faults: Fault[];
}

export async function runStorm(
  options: StormOptions,
  {
    signal = new AbortController().signal,
    hold = () => () => {},
    tell = () => {},
  }: StormHooks = {},
): Promise<StormReport> {
  const chance = createChance(options.seed);
  const timing = chooseTiming(options);
  const media = await makeMedia();
  await using scene = await setScene({ options, timing, chance, signal, hold });
  if (options.fillsDisk && !scene.disk) tell('No disk can be mounted here, so none fills up.');
  signal.throwIfAborted();
  const cast = await chooseCast(options, scene, timing);
  const durationMs = Math.max(sumDuration(cast.troubles), options.jobs * LEAST_MS_PER_JOB);
  tell(`The storm begins; it takes at least ${Math.round(durationMs / 1000)} s.`);
  const startedAt = Date.now();
  const ending = new AbortController();
  const stuck = endStuckPosts(scene, ending.signal);
  await Promise.all([
    handIn(scene, cast.orders, { media, durationMs: durationMs * 0.9 }),
    causeTroubles(scene, cast.troubles, signal),
    orderFaults(scene.sandbox.state, cast.faults, { durationMs: durationMs * 0.9, signal }),
    sendAway(scene, cast.creators, durationMs),
  ]);
  const stormMs = Date.now() - startedAt;
  signal.throwIfAborted();
  tell('The storm is over; waiting for calm.');
  await waitForCalm(scene, options);
  const calmMs = Date.now() - startedAt - stormMs;
  await Promise.all(scene.background);
  ending.abort();
  await stuck;
  signal.throwIfAborted();
  const doomedFaults = cast.faults
    .filter(({ count, open_id }) => count === 0 && open_id !== undefined)
    .map(({ open_id }) => String(open_id));
  const { breaks, truths } = await judge(scene, { ...cast, doomedFaults });
  const logs = breaks.length > 0 ? keepLogs(scene, options) : null;
  return { ...cast, breaks, truths, timing, stormMs, calmMs, logs };
}

async function chooseCast(options: StormOptions, scene: Scene, timing: Timing): Promise<Cast> {
  // Sources of their own: one more call of one does not change what the others plan.
  const source = (n: number) => createChance(options.seed * 16 + n);
  const [web] = scene.members;
  const { state } = scene.sandbox;
  const creators = await connectCreators(options.jobs, source(1), { web, state });
  const doomed = creators.filter(({ fate }) => fate === 'doomed').map(({ openId }) => openId);
  const canFill = scene.disk !== null;
  return {
    ...{ scene, creators },
    orders: planOrders(options.jobs, source(2), creators),
    troubles: planTroubles(options, source(3), { timing, canFill }),
    faults: planFaults(options.faults, source(4), doomed),
  };
}

async function endStuckPosts({ sandbox }: Scene, ending: AbortSignal): Promise<void> {
  while (!ending.aborted) {
    finishStuck(sandbox.state);
    await pause(1_000, ending);
  }
}

const UNENDED = `select
    (select count(*) from jobs
      where finished_at is null and state <> 'unconfirmed' and not ${WAITS_FOR_WORD}) +
    (select count(*) from deletions where done_at is null) as count`;

async function waitForCalm({ database, signal }: Scene, options: StormOptions): Promise<void> {
  const limit = options.hasDefaultIntervals ? CALM_DEFAULTS_MS : CALM_MS;
  const deadline = Date.now() + limit;
  while (Date.now() < deadline && !signal.aborted) {
    const rows = await database.tryQuery(UNENDED);
    if (rows && Number(rows[0]?.['count']) === 0) return;
    await pause(500, signal);
  }
}

function keepLogs({ logFiles }: Scene, { seed }: StormOptions): string {
  const folder = mkdtempSync(join(tmpdir(), `pm3k-storm-logs-${seed}-`));
  for (const file of logFiles) copyFileSync(file, join(folder, basename(file)));
  return folder;
}
