// media.prepare: probes the source, plans what to change, and makes the file that is sent.
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Job, type Patch, Problem, type StepContext } from '#plugin';
import { chooseContentType } from './content-type.ts';
import { assertDiskSpace } from './disk-space.ts';
import { FfmpegFailure, type Reached, runFfmpeg } from './ffmpeg.ts';
import { assertWithinCreatorsLimit } from './limit.ts';
import { type Plan, planFor, planToRescue, rejected } from './plan.ts';
import type { Probe } from './probe.ts';
import { probeVideo, toFacts, toRefusal } from './probe-video.ts';
import { judgeWorkingFile } from './working-file.ts';

/**
 * Returns the key of the file to send and its facts. It is the source itself when that already
 * conforms and plays to its end.
 *
 * @throws Problem `media_rejected` for a video that cannot be posted; `storage_full` when the disk
 *   has no space for the working files.
 */
export async function prepare(job: Job, context: StepContext): Promise<Patch> {
  if (!job.source_key) throw new Error('Expected a fetched file before preparing');
  await assertDiskSpace(context, await context.storage.size(job.source_key));
  const source = await context.storage.checkout(job.source_key, context.scratch);
  return judgeWorkingFile(source, prepareSource(job, source, context));
}

async function prepareSource(job: Job, source: string, context: StepContext): Promise<Patch> {
  const found = await probeVideo(source, context.signal);
  const plan = planFor(found);
  await assertWithinCreatorsLimit(job, found, context);
  if (plan.act !== 'nothing') return convert(source, found, plan, context);
  // A file can have perfect headers and broken contents.
  if (!(await playsToEnd(source, found, context))) return rescue(source, found, context);
  return {
    output_key: job.source_key,
    output_type: chooseContentType(found).content_type,
    media: toFacts(found, job.media?.sha256 ?? null, []),
  };
}

async function convert(
  source: string,
  found: Probe,
  plan: Plan,
  context: StepContext,
): Promise<Patch> {
  const output = await run(source, found, plan, context);
  if (plan.act === 'encode') return storeOutput(await check(output, context), found, plan, context);
  // Copying the streams takes seconds. The result is checked and played as an upload would be.
  const copied = output && (await checkCopy(output, found, context));
  if (copied) return storeOutput(copied, found, plan, context);
  if (output) await rm(output);
  context.log.info({ event: 'media.not_packed', act: plan.act });
  return rescue(source, found, context, found.structure.isCutOff ? 'damaged' : 'unpackable');
}

/** Encodes a damaged file anew, which keeps the parts of it that can be played. */
async function rescue(
  source: string,
  found: Probe,
  context: StepContext,
  why: 'damaged' | 'unpackable' = 'damaged',
): Promise<Patch> {
  const plan = planToRescue(found, why);
  const output = await run(source, found, plan, context);
  return storeOutput(await check(output, context), found, plan, context);
}

/** A file that ffmpeg made, and what it is. */
interface Made {
  path: string;
  probe: Probe;
}

async function check(output: string | null, { signal }: StepContext): Promise<Made> {
  if (!output) throw rejected('The file is damaged, and we could not repair it.', 'decodable');
  return { path: output, probe: await probeVideo(output, signal) };
}

/** Runs ffmpeg and returns the path of what it made; null when the file is at fault. */
async function run(
  source: string,
  found: Probe,
  plan: Plan,
  context: StepContext,
): Promise<string | null> {
  context.checkpoint();
  await assertDiskSpace(context, expectedBytes(found, plan));
  const cwd = await mkdtemp(join(context.scratch, 'work-'));
  const output = join(cwd, `output.${plan.container}`);
  try {
    const { options, inputOptions } = plan;
    await runFfmpeg({ ...workOn(source, found, context), cwd, output, options, inputOptions });
    return output;
  } catch (error) {
    if (!(error instanceof FfmpegFailure)) throw error;
    context.log.info({ event: 'ffmpeg.failed', act: plan.act });
    const isUnreadable = plan.act === 'encode' && error.unreadableCodec !== undefined;
    if (isUnreadable) throw toRefusal(error) ?? error;
    await rm(cwd, { recursive: true, force: true });
    return null;
  }
}

function workOn(input: string, { durationMs }: Probe, { signal, progress }: StepContext) {
  // A slow machine may take twenty times the length of the video.
  const timeLimitMs = Math.max(600_000, durationMs * 20);
  return { input, durationMs, timeLimitMs, signal, progress };
}

/**
 * Estimates the space that the work needs: a copy of the streams is as large as the source, and an
 * encoded video rarely has more than 8 Mbit/s. Twice that, since the result is then copied into the
 * storage.
 */
function expectedBytes({ bytes, durationMs }: Probe, { act }: Plan): number {
  return 2 * (act === 'encode' ? durationMs * 1_000 : bytes);
}

/** Checks the made file against the rules and stores it. */
async function storeOutput(
  { path, probe: made }: Made,
  found: Probe,
  plan: Plan,
  context: StepContext,
): Promise<Patch> {
  if (made.durationMs < found.durationMs / 2) {
    throw rejected('More than half of the video is missing or damaged.', 'decodable');
  }
  const { act } = planFor(made);
  if (act === 'encode') throw new Error('Expected the converted video to conform');
  const isShorter = found.durationMs - made.durationMs > tolerance(found);
  const isLossUnsaid = isShorter && !plan.changes.some((each) => each.includes('damaged'));
  const { content_type } = chooseContentType(made);
  const stored = await context.storeCopy(path, content_type);
  return {
    output_key: stored.storage_key,
    output_type: content_type,
    media: toFacts({ ...made, bytes: stored.bytes }, stored.sha256, [
      ...(isLossUnsaid ? [describeLoss(found, made)] : []),
      ...plan.changes,
    ]),
  };
}

/**
 * Returns by how many milliseconds two lengths of the same video may differ: containers round their
 * clocks, and the last picture may not say how long it is shown.
 */
function tolerance({ video }: Probe): number {
  return 300 + 1000 / Math.max(1, video?.fps ?? 1);
}

function describeLoss(found: Probe, made: Probe): string {
  const [had, has] = [found, made].map(({ durationMs }) => (durationMs / 1000).toFixed(1));
  return `The file said it lasts ${had} seconds, but only ${has} could be played, so we kept those.`;
}

/** Returns null unless the copy conforms, is as long as the source, and plays to its end. */
async function checkCopy(output: string, found: Probe, context: StepContext): Promise<Made | null> {
  try {
    const made = await check(output, context);
    const isAsLong = Math.abs(made.probe.durationMs - found.durationMs) < tolerance(found);
    const isFine = isAsLong && planFor(made.probe).act === 'nothing';
    return isFine && (await playsToEnd(output, made.probe, context)) ? made : null;
  } catch (error) {
    if (error instanceof Problem && error.code === 'media_rejected') return null;
    throw error;
  }
}

/** Decodes the file once to its end: a truncated file can have perfect headers. */
async function playsToEnd(path: string, found: Probe, context: StepContext): Promise<boolean> {
  context.checkpoint();
  if (found.structure.isCutOff) return false;
  const maps = ['-map', '0:v:0', '-map', '0:a?'];
  const cwd = await mkdtemp(join(context.scratch, 'play-'));
  try {
    const reached = await runFfmpeg({
      ...workOn(path, found, context),
      cwd,
      options: ['-xerror', ...maps, '-f', 'null'],
    });
    return isWhole(reached, found);
  } catch (error) {
    if (error instanceof FfmpegFailure) return false;
    throw error;
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
}

/**
 * False when most frames are missing: ffmpeg reports no fault for an index of frames that are not
 * there.
 */
function isWhole({ frames }: Reached, { video, durationMs }: Probe): boolean {
  return frames > 0 && frames > ((video?.fps ?? 0) * durationMs) / 1000 / 2;
}
