// Exports everything stored about one creator as a zip, derived from the declarations.
import { addAbortSignal, PassThrough, Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { ZipFile } from 'yazl';
import type { TableDeclaration } from '../base/declaration.ts';
import type { Context } from '../context/context.ts';
import { listFiles } from '../media/store.ts';
import { declaredTables, selectOwnRows, type Tables } from './eraser.ts';
import { explainExport } from './export-index.ts';
import { streamRows } from './stream-rows.ts';

const EXTENSIONS: Record<string, string> = {
  'video/mp4': '.mp4',
  'video/quicktime': '.mov',
  'video/webm': '.webm',
  'image/jpeg': '.jpg',
  'image/png': '.png',
  'image/webp': '.webp',
};

interface Archive {
  /** Resolves when the stream is in the zip. */
  add(body: Readable, name: string, options?: { compress?: boolean; mtime?: Date }): Promise<void>;
}

/** Streams a zip: one JSON file per table with rows of the creator, their media, and a README. */
export function createExport(ctx: Context, creatorId: string): Readable {
  const output = new PassThrough();
  const gone = new AbortController();
  // When the reader goes away, the source that is being read is closed too.
  output.once('close', () => gone.abort());
  const zip = new ZipFile();
  zip.on('error', (error) => output.destroy(error));
  zip.outputStream.pipe(output);
  const archive: Archive = {
    async add(body, name, options = {}) {
      addAbortSignal(gone.signal, body);
      zip.addReadStream(body, name, options);
      await finished(body);
    },
  };
  fill(ctx, archive, creatorId)
    .then(() => zip.end())
    .catch((error) => {
      if (gone.signal.aborted) return;
      ctx.log.error({ event: 'export.fault', err: error });
      output.destroy(error);
    });
  return output;
}

/** Adds one part after another, so that memory does not grow with what is stored. */
async function fill(ctx: Context, archive: Archive, creatorId: string): Promise<void> {
  const tables = declaredTables(ctx.modules);
  const counts: Record<string, number> = {};
  for (const table of Object.keys(tables)) {
    const whose = selectOwnRows(tables, table, creatorId);
    if (!whose) continue;
    const columns = listShownColumns(tables, table);
    const { rows, body } = await streamRows(ctx, { table, columns, whose });
    counts[table] = rows;
    await archive.add(body, `data/${table}.json`);
  }
  const files = await addFiles(ctx, archive, creatorId);
  const index = explainExport(ctx.config, tables, { counts, files });
  await archive.add(Readable.from([index]), 'README.txt');
}

/** Media are compressed already, so the zip stores them. A file that is gone meanwhile is left out. */
async function addFiles(ctx: Context, archive: Archive, creatorId: string): Promise<number> {
  let files = 0;
  for (const media of await listFiles(ctx.db, creatorId)) {
    const body = await ctx.storage.read(media.storage_key).catch(() => null);
    if (!body) continue;
    const name = media.storage_key.includes('.')
      ? media.storage_key
      : media.storage_key + (EXTENSIONS[media.content_type] ?? '');
    await archive.add(body, `media/${name}`, { compress: false, mtime: media.created_at });
    files += 1;
  }
  return files;
}

/** Leaves out tokens and hashes, which are given to nobody, not even to the person. */
export function listShownColumns(tables: Tables, table: string): string[] {
  const { columns, secret = [] } = tables[table] as TableDeclaration;
  return Object.keys(columns).filter((column) => !secret.includes(column));
}
