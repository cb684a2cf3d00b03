// Writes what retention looks at straight into tables and storage: files, posts, and their ages.
import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { randomToken } from '../../src/base/secrets.ts';
import type { Context } from '../../src/context/context.ts';
import type { Env } from '../support/appliance.ts';
import { anOwnContext, type OwnContext } from '../support/context.ts';

export const HOUR = 3600_000;
export const DAY = 24 * HOUR;
export const ago = (ms: number) => new Date(Date.now() - ms);
export const never = new AbortController().signal;

export interface Kept extends OwnContext {
  creator_id: string;
  /** Makes a stored file with its row. */
  file(of?: Partial<FileRow>): Promise<string>;
  /** Makes a stored file without a row, last written so long ago. */
  strayFile(ageMs: number): Promise<string>;
  job(of: Partial<JobRow>): Promise<string>;
  hasRow(key: string): Promise<boolean>;
  hasFile(key: string): Promise<boolean>;
}

interface FileRow {
  purpose: 'upload' | 'working';
  expires_at: Date;
  created_at: Date;
}

interface JobRow {
  state: string;
  source_key: string;
  output_key: string | null;
  finished_at: Date | null;
  send_at: Date;
}

export async function aKept(env: Env = {}, tiktokUrl?: string): Promise<Kept> {
  const own = await anOwnContext({ env, ...(tiktokUrl ? { tiktok_url: tiktokUrl } : {}) });
  const { ctx, data_dir } = own;
  const [creator] = await ctx.db('creators').insert({ open_id: 'o', plan: 'paid' }).returning('id');
  const store = async () => {
    const key = randomToken(190);
    const stored = await ctx.storage.write(key, Readable.from([Buffer.from('a file')]));
    return { key, ...stored };
  };
  return {
    ...own,
    creator_id: creator.id,
    async file(of = {}) {
      const { key, bytes, sha256 } = await store();
      await ctx.db('media').insert({
        ...{ storage_key: key, creator_id: creator.id, purpose: 'upload', bytes, sha256 },
        ...{ content_type: 'video/mp4', facts: '{}', expires_at: ago(-DAY), ...of },
      });
      return key;
    },
    async strayFile(ageMs) {
      const { key } = await store();
      const at = ago(ageMs);
      utimesSync(join(data_dir, 'media', key.slice(0, 2), key), at, at);
      return key;
    },
    async job(of) {
      const [job] = await ctx
        .db('jobs')
        .insert({
          ...{ creator_id: creator.id, mode: 'now', title: 'x', destination: 'direct' },
          ...{ settings: '{}', source_key: 'none', state: 'finished', send_at: new Date(), ...of },
        })
        .returning('id');
      return job.id;
    },
    async hasRow(storageKey) {
      return (await ctx.db('media').where({ storage_key: storageKey }).first()) !== undefined;
    },
    hasFile: (key) => ctx.storage.has(key),
  };
}

/** Returns what was removed over all rows of `sweeps`: kind → count. */
export async function swept(ctx: Context): Promise<Record<string, number>> {
  const lines = await ctx.db('sweeps').groupBy('what').select('what').sum('removed as removed');
  return Object.fromEntries(lines.map(({ what, removed }) => [what, Number(removed)]));
}
