// media.prepare: probes the source, decides, and makes the file that will be sent; a bad one is refused within seconds.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Hands, Job, MediaFacts, Patch } from '#plugin';
import { FfmpegFailure, runFfmpeg } from './ffmpeg.ts';
import { type Plan, planFor, rejected } from './plan.ts';
import { type Probe, probe } from './probe.ts';
import { RULES } from './rules.ts';

const DECODE = ['-map', '0:v:0', '-map', '0:a?', '-f', 'null'];
const DAMAGED_CHANGE = 'Parts of the file were damaged; we re-encoded what can be played.';

export async function prepare(job: Job, hands: Hands): Promise<Patch> {
  if (!job.source_key) throw new Error('Expected a fetched file before preparing');
  const source = await hands.storage.checkout(job.source_key, hands.scratch);
  const found = await look(source, hands.signal);
  let plan = planFor(found);
  if (plan.act !== 'convert' && !(await canBeDecoded(source, found, hands))) {
    // Perfect headers over broken contents: encoding anew keeps what can be saved.
    plan = planFor({ ...found, video: found.video && { ...found.video, codec: 'damaged' } });
    if (plan.act === 'convert') plan.changes = [DAMAGED_CHANGE];
  }
  if (plan.act === 'nothing') {
    return {
      output_key: job.source_key,
      output_type: 'video/mp4',
      media: factsOf(found, job.media?.sha256 ?? null, []),
    };
  }
  return make(source, found, plan, hands);
}

/** ffprobe's no becomes a sentence about the file. */
export async function look(path: string, signal: AbortSignal): Promise<Probe> {
  try {
    return await probe(path, signal);
  } catch (error) {
    if (!(error instanceof FfmpegFailure)) throw error;
    throw rejected('This file is not a video, or of a kind we do not take.', 'is_video');
  }
}

async function make(
  source: string,
  found: Probe,
  plan: Exclude<Plan, { act: 'nothing' }>,
  hands: Hands,
): Promise<Patch> {
  const output = join(hands.scratch, 'output.mp4');
  await rm(output, { force: true });
  try {
    await runFfmpeg({
      input: source,
      output,
      options: plan.options,
      duration_ms: found.duration_ms,
      time_limit_ms: timeLimit(found),
      cwd: hands.scratch,
      signal: hands.signal,
      progress: hands.progress,
    });
  } catch (error) {
    if (!(error instanceof FfmpegFailure)) throw error;
    hands.log.info({ event: 'ffmpeg.failed', act: plan.act });
    throw rejected('The file is damaged, and we could not repair it.', 'decodable');
  }
  const made = await look(output, hands.signal);
  assertKept(found, made);
  const kept = await hands.keep(output, 'video/mp4');
  return {
    output_key: kept.storage_key,
    output_type: 'video/mp4',
    media: factsOf({ ...made, bytes: kept.bytes }, kept.sha256, plan.changes),
  };
}

/** What we made is judged by the same rules, and must hold most of what was there. */
function assertKept(found: Probe, made: Probe): void {
  const fault = RULES.find((rule) => rule.fault(made) !== null);
  if (fault) throw rejected(`After converting it, ${fault.fault(made)}`, fault.name);
  if (made.duration_ms < found.duration_ms / 2) {
    throw rejected('More than half of the video is missing or damaged.', 'decodable');
  }
}

/** Decodes to the end once: a truncated file can have perfect headers. */
async function canBeDecoded(source: string, found: Probe, hands: Hands): Promise<boolean> {
  try {
    await runFfmpeg({
      input: source,
      options: ['-xerror', ...DECODE],
      duration_ms: found.duration_ms,
      time_limit_ms: timeLimit(found),
      cwd: hands.scratch,
      signal: hands.signal,
      progress: hands.progress,
    });
    return true;
  } catch (error) {
    if (error instanceof FfmpegFailure) return false;
    throw error;
  }
}

/** Twenty times the length of the video, ten minutes at least: a slow machine may take that long. */
function timeLimit({ duration_ms }: Probe): number {
  return Math.max(600_000, duration_ms * 20);
}

export function factsOf(found: Probe, sha256: string | null, changes: string[]): MediaFacts {
  return {
    kind: 'video',
    bytes: found.bytes,
    sha256,
    duration_ms: found.duration_ms,
    width: found.video?.width ?? null,
    height: found.video?.height ?? null,
    fps: found.video ? Number(found.video.fps.toFixed(3)) : null,
    changes,
  };
}
