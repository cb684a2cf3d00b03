// media.prepare: probes the source, decides, and makes the file that will be sent; a bad one is refused within seconds.
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Job, type MediaFacts, type Patch, Problem, type StepContext } from '#plugin';
import { chooseContentType } from './content-type.ts';
import { assertDiskSpace } from './disk-space.ts';
import { FfmpegFailure, type Reached, runFfmpeg } from './ffmpeg.ts';
import { assertWithinCreatorsLimit } from './limit.ts';
import { type Plan, planFor, planToSave, rejected } from './plan.ts';
import { type Probe, probe } from './probe.ts';
import { cannotRead } from './readable.ts';

export async function prepare(job: Job, context: StepContext): Promise<Patch> {
  if (!job.source_key) throw new Error('Expected a fetched file before preparing');
  await assertDiskSpace(await context.storage.size(job.source_key), context.scratch);
  const source = await context.storage.checkout(job.source_key, context.scratch);
  const found = await look(source, context.signal);
  const plan = planFor(found);
  await assertWithinCreatorsLimit(job, found, context);
  if (plan.act !== 'nothing') return make(source, found, plan, context);
  // Perfect headers may stand over broken contents.
  if (!(await isSound(source, found, context))) return save(source, found, context);
  return {
    output_key: job.source_key,
    output_type: chooseContentType(found).content_type,
    media: toFacts(found, job.media?.sha256 ?? null, []),
  };
}

/** ffprobe's no becomes a sentence about the file. */
export async function look(path: string, signal: AbortSignal): Promise<Probe> {
  try {
    return await probe(path, signal);
  } catch (error) {
    if (!(error instanceof FfmpegFailure)) throw error;
    throw refusal(error) ?? rejected(NO_VIDEO, 'is_video');
  }
}

const NO_VIDEO = 'This file is not a video, or of a kind we do not take.';

/** When it is this server's ffmpeg that cannot, another form of the same video may do. */
function refusal({ unreadable_codec, has_crashed }: FfmpegFailure): Problem | undefined {
  const name = unreadable_codec ?? (has_crashed ? 'unknown' : undefined);
  return name === undefined ? undefined : rejected(`${cannotRead(name)}.`, 'readable');
}

async function make(
  source: string,
  found: Probe,
  plan: Plan,
  context: StepContext,
): Promise<Patch> {
  const output = await run(source, found, plan, context);
  if (plan.act === 'encode') return keep(output, found, plan, context);
  // Packed anew in seconds; what came of it is judged and played as if it had been uploaded.
  const isWell = output !== null && (await isAsGood(output, found, context));
  if (isWell) return keep(output, found, plan, context);
  if (output) await rm(output);
  context.log.info({ event: 'media.not_packed', act: plan.act });
  return save(source, found, context, found.structure.isCutOff ? 'damaged' : 'unpackable');
}

/** Encoding anew keeps of a damaged file what can be played. */
async function save(
  source: string,
  found: Probe,
  context: StepContext,
  why: 'damaged' | 'unpackable' = 'damaged',
): Promise<Patch> {
  const plan = planToSave(found, why);
  return keep(await run(source, found, plan, context), found, plan, context);
}

/** The path of what ffmpeg made, or null when the file did not let it. */
async function run(
  source: string,
  found: Probe,
  plan: Plan,
  context: StepContext,
): Promise<string | null> {
  context.checkpoint();
  await assertDiskSpace(expectedBytes(found, plan), context.scratch);
  const cwd = await mkdtemp(join(context.scratch, 'work-'));
  const output = join(cwd, `output.${plan.container}`);
  try {
    const { options, inputOptions } = plan;
    await runFfmpeg({ ...workOn(source, found, context), cwd, output, options, inputOptions });
    return output;
  } catch (error) {
    if (!(error instanceof FfmpegFailure)) throw error;
    context.log.info({ event: 'ffmpeg.failed', act: plan.act });
    const isUnreadable = plan.act === 'encode' && error.unreadable_codec !== undefined;
    if (isUnreadable) throw refusal(error) ?? error;
    await rm(cwd, { recursive: true, force: true });
    return null;
  }
}

function workOn(input: string, { durationMs }: Probe, { signal, progress }: StepContext) {
  // Twenty times the length of the video, ten minutes at least: a slow machine may take that long.
  const timeLimitMs = Math.max(600_000, durationMs * 20);
  return { input, durationMs, timeLimitMs, signal, progress };
}

/** Packed: as large as it was. Converted: rarely more than 8 Mbit/s. Twice, since it is kept after. */
function expectedBytes({ bytes, durationMs }: Probe, { act }: Plan): number {
  return 2 * (act === 'encode' ? durationMs * 1_000 : bytes);
}

async function keep(
  output: string | null,
  found: Probe,
  plan: Plan,
  context: StepContext,
): Promise<Patch> {
  if (!output) throw rejected('The file is damaged, and we could not repair it.', 'decodable');
  const made = await look(output, context.signal);
  if (made.durationMs < found.durationMs / 2) {
    throw rejected('More than half of the video is missing or damaged.', 'decodable');
  }
  const { act } = planFor(made);
  if (act === 'encode') throw new Error('Expected what was converted to conform');
  const isShorter = found.durationMs - made.durationMs > tolerance(found);
  const told = isShorter && !plan.changes.some((each) => each.includes('damaged'));
  const { content_type } = chooseContentType(made);
  const kept = await context.storeCopy(output, content_type);
  return {
    output_key: kept.storage_key,
    output_type: content_type,
    media: toFacts({ ...made, bytes: kept.bytes }, kept.sha256, [
      ...(told ? [describeLoss(found, made)] : []),
      ...plan.changes,
    ]),
  };
}

/** The rounding of a container's clock, and the last picture, which may not say how long it stays. */
function tolerance({ video }: Probe): number {
  return 300 + 1000 / Math.max(1, video?.fps ?? 1);
}

function describeLoss(found: Probe, made: Probe): string {
  const [had, has] = [found, made].map(({ durationMs }) => (durationMs / 1000).toFixed(1));
  return `The file said it lasts ${had} seconds; ${has} could be played, so we kept those.`;
}

/** Still conforming, as long as it was, and it plays to its end. */
async function isAsGood(output: string, found: Probe, context: StepContext): Promise<boolean> {
  try {
    const made = await look(output, context.signal);
    const isAsLong = Math.abs(made.durationMs - found.durationMs) < tolerance(found);
    return isAsLong && planFor(made).act === 'nothing' && (await isSound(output, made, context));
  } catch (error) {
    if (error instanceof Problem && error.code === 'media_rejected') return false;
    throw error;
  }
}

/** Decodes to the end once: a truncated file can have perfect headers. */
async function isSound(path: string, found: Probe, context: StepContext): Promise<boolean> {
  context.checkpoint();
  if (found.structure.isCutOff) return false;
  const maps = ['-map', '0:v:0', '-map', '0:a?'];
  const cwd = await mkdtemp(join(context.scratch, 'look-'));
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

/** An index may name pictures that are not there, which ends quietly. */
function isWhole({ frames }: Reached, { video, durationMs }: Probe): boolean {
  return frames > 0 && frames > ((video?.fps ?? 0) * durationMs) / 1000 / 2;
}

export function toFacts(found: Probe, sha256: string | null, changes: string[]): MediaFacts {
  return {
    kind: 'video',
    bytes: found.bytes,
    sha256,
    duration_ms: found.durationMs,
    width: found.video?.width ?? null,
    height: found.video?.height ?? null,
    fps: found.video ? Number(found.video.fps.toFixed(3)) : null,
    changes,
  };
}
