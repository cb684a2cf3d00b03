// The command behind restore.sh: checks a whole backup first, and then restores it.
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { json } from 'node:stream/consumers';
import { finished } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import type { z } from 'zod';
import type { Config } from '../../src/base/config.ts';
import { runScript, ScriptFault, wrongUsage } from '../fault.ts';
import { type Entry, readArchive } from './archive.ts';
import { ledgerIn, readLedgerFiles } from './beside.ts';
import {
  type EndOfBackup,
  endSchema,
  type ManifestOfBackup,
  manifestSchema,
  parseEntryName,
} from './contents.ts';
import { deriveIdentity } from './identity.ts';
import { connect, ledgerPlace, openAlone } from './place.ts';
import { type Checked, putBack } from './put-back.ts';
import { writeReport } from './report.ts';
import { missingMigrations } from './staging.ts';
import { assertReplaceable, assertStopped } from './target.ts';

const USAGE = `Usage: scripts/restore.sh [--replace] FILE

Puts the backup FILE into an empty database and storage, while PM3K is stopped. --replace: also
where there are creators already; what came after the backup is lost then. Whoever was deleted since
is known by the ledger in the storage (DATA_DIR/media/deletions, or deletions in the bucket), and by
the folder deletions beside FILE.`;

const DAY_MS = 86_400_000;

if (import.meta.main) await runScript(main);

async function main(signal: AbortSignal): Promise<void> {
  const { path, mayReplace } = readArguments();
  const file = await open(path, 'r').catch(() => {
    throw new ScriptFault(`The file ${path} cannot be read.`);
  });
  try {
    await using place = await openAlone();
    const client = await connect(place.connection);
    try {
      await assertStopped(client, place);
      await assertReplaceable(client, mayReplace);
      const read = () => readArchive(file, place.secrets.map(deriveIdentity), signal);
      const checked = await check(read(), place.config);
      const beside = await ledgerIn(dirname(path));
      await readLedgerFiles(place.storage, ledgerPlace(place.config));
      const done = await putBack(client, place, read(), { ...checked, beside });
      process.stdout.write(writeReport(checked, done, place.config));
    } finally {
      await client.end();
    }
  } finally {
    await file.close();
  }
}

function readArguments(): { path: string; mayReplace: boolean } {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { replace: { type: 'boolean' } },
    });
    const [path, ...more] = positionals;
    if (path && more.length === 0) return { path, mayReplace: values.replace ?? false };
  } catch {
    // The usage below says what is wrong.
  }
  throw wrongUsage(USAGE);
}

/**
 * Reads the whole backup without changing anything.
 *
 * @throws ScriptFault when it cannot be restored.
 */
export async function check(entries: AsyncIterable<Entry>, config: Config): Promise<Checked> {
  let manifest: ManifestOfBackup | undefined;
  let end: EndOfBackup | undefined;
  for await (const { name, body } of entries) {
    const entry = parseEntryName(name);
    if (!entry || end || (entry.kind === 'manifest') !== (manifest === undefined)) {
      throw new ScriptFault('This file is not a backup of PM3K. Nothing was changed.');
    }
    if (entry.kind === 'manifest') {
      manifest = parse(manifestSchema, await json(body));
      assertUsable(manifest, config);
      await missingMigrations(manifest.migrations);
    } else if (entry.kind === 'end') end = parse(endSchema, await json(body));
    else await finished(body.resume());
  }
  if (!manifest || !end) {
    throw new ScriptFault('The end of the backup is missing. Nothing was changed.');
  }
  return { manifest, end };
}

function parse<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new ScriptFault(
    'The backup has a form that this version does not know; it was made by a newer one. Nothing was changed.',
  );
}

/**
 * Refuses an expired backup, since the ledger of deletions remembers people no longer than
 * BACKUP_DAYS.
 */
function assertUsable({ made_at, expires_at }: ManifestOfBackup, { BACKUP_DAYS }: Config): void {
  const endsAt = Math.min(expires_at.getTime(), made_at.getTime() + BACKUP_DAYS * DAY_MS);
  if (Date.now() <= endsAt) return;
  throw new ScriptFault(
    `The backup of ${made_at.toISOString()} has expired: people who were deleted since then would come back with it, and nothing remembers them. Nothing was changed.`,
  );
}
