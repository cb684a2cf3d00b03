// Runs media.prepare as the worker does, with a plain context instead of a database.
import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { expect } from 'chai';
import media from '../../../plugins/media/plugin.ts';
import { type Job, type Patch, Problem, type StepContext } from '../../../src/plugin.ts';
import { hasDiskSpace } from '../../../src/storage/disk-space.ts';

export interface Prepared {
  patch: Patch;
  /** The file that would be sent. */
  sent: string;
  sha256: string;
}

export interface Options {
  signal?: AbortSignal;
  job?: Partial<Job>;
  context?: Partial<StepContext>;
}

/**
 * Fails when the step leaves anything but the source in its scratch folder, or writes to the
 * source.
 */
export async function prepare(path: string, options: Options = {}): Promise<Prepared> {
  const scratch = mkdtempSync(join(tmpdir(), 'pm3k-prepare-'));
  const source = join(scratch, `source${extname(path)}`);
  let sent = path;
  const context = {
    scratch,
    signal: options.signal ?? new AbortController().signal,
    settings: {},
    progress() {},
    checkpoint() {},
    hasDiskSpace: (bytes: number) => hasDiskSpace(options.context?.scratch ?? scratch, bytes),
    log: { info() {} },
    storage: {
      size: async () => statSync(path).size,
      checkout: async () => {
        copyFileSync(path, source);
        return source;
      },
    },
    storeCopy: async (made: string) => {
      sent = `${path}.sent${extname(made)}`;
      copyFileSync(made, sent);
      return { storage_key: 'made', bytes: statSync(made).size, sha256: sha256Of(made) };
    },
    tiktok: { creatorInfo: async () => Promise.reject(new Error('TikTok is down')) },
    ...options.context,
  } as unknown as StepContext;
  const job = {
    source_key: 'source',
    destination: 'direct',
    media: { sha256: 'known' },
    ...options.job,
  } as unknown as Job;
  try {
    const before = sha256Of(path);
    const patch = (await media.steps.prepare.run(job, context)) as Patch;
    expect(sha256Of(source), 'the source').to.equal(before);
    return { patch, sent, sha256: sha256Of(sent) };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Returns the Problem with which the work is refused; fails when it is not refused. */
export async function rejection(work: Promise<unknown>): Promise<Problem> {
  const error = await work.then(
    () => null,
    (thrown) => thrown,
  );
  expect(error, String(error?.stack)).to.be.instanceOf(Problem);
  expect(error.code).to.equal('media_rejected');
  return error;
}

export function sha256Of(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

export function namesIn(folder: string): string[] {
  return readdirSync(folder);
}
