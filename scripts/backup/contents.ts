// Defines a backup's entries: manifest, tables, files, the ledger's markers, and counts at the end.
import { z } from 'zod';

export const FORMAT = 1;
export const MANIFEST = 'manifest.json';
export const END = 'end.json';

export const manifestSchema = z.object({
  format: z.literal(FORMAT),
  made_at: z.iso.datetime().transform((text) => new Date(text)),
  /** `made_at` and the BACKUP_DAYS of that time: later deletions are remembered until then. */
  expires_at: z.iso.datetime().transform((text) => new Date(text)),
  /** The schema's version, as the names of its migrations. */
  migrations: z.array(z.string()),
  tables: z.array(
    z.object({
      name: z.string().regex(/^[a-z][a-z0-9_]*$/),
      columns: z.array(z.string().regex(/^[a-z][a-z0-9_]*$/)),
    }),
  ),
});
export type ManifestOfBackup = z.output<typeof manifestSchema>;

export const endSchema = z.object({
  /** Table → rows. */
  rows: z.record(z.string(), z.number().int()),
  files: z.number().int(),
  bytes: z.number().int(),
  /** Files that were deleted between the copy of the rows and theirs. */
  files_gone: z.number().int(),
  notes: z.number().int(),
});
export type EndOfBackup = z.output<typeof endSchema>;

const TABLE = /^tables\/([a-z0-9_]+)\/\d+\.copy$/;
const FILE = /^media\/([A-Za-z0-9]{20,64}(?:\.[a-z0-9]{1,5})?)$/;
const MARKER = /^deletions\/([\w-]{1,64})\.json$/;

export const partName = (table: string, number: number) =>
  `tables/${table}/${String(number).padStart(6, '0')}.copy`;
export const fileName = (storageKey: string) => `media/${storageKey}`;
export const markerName = (name: string) => `deletions/${name}.json`;

/** Returns what an entry holds, by its name; undefined for a name that no backup has. */
export function parseEntryName(
  name: string,
): { kind: 'table' | 'file' | 'marker'; of: string } | { kind: 'manifest' | 'end' } | undefined {
  if (name === MANIFEST) return { kind: 'manifest' };
  if (name === END) return { kind: 'end' };
  for (const [kind, pattern] of [
    ['table', TABLE],
    ['file', FILE],
    ['marker', MARKER],
  ] as const) {
    const of = pattern.exec(name)?.[1];
    if (of) return { kind, of };
  }
  return undefined;
}
