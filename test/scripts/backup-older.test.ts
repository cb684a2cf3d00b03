// Loads a backup of an older version: its staging schema is migrated to today's, and becomes the real one.
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { expect } from 'chai';
import type { ManifestOfBackup } from '../../scripts/backup/contents.ts';
import { connect } from '../../scripts/backup/place.ts';
import {
  beginStaging,
  finishStaging,
  loadPart,
  missingMigrations,
  swap,
} from '../../scripts/backup/staging.ts';
import { ScriptFault } from '../../scripts/fault.ts';
import { printSchema, SCHEMA_FILE } from '../../scripts/schema.ts';
import { openDatabase } from '../../src/base/database.ts';
import { isMigrated } from '../../src/base/migrations.ts';
import { freshDatabase } from '../support/database.ts';

const OLDER = [
  ...['0001_creators.ts', '0002_access.ts', '0003_media.ts', '0004_jobs.ts'],
  ...['0005_worker_pools.ts', '0006_operators.ts', '0007_deletions.ts', '0008_records.ts'],
  // In the order in which a database applied them that had 0013 before the others.
  ...['0009_sources.ts', '0013_posting_defaults.ts', '0010_domains.ts', '0012_uploads.ts'],
  '0011_photos.ts',
];

describe('a backup of an older version', () => {
  it('is migrated before it becomes the database, its triggers included', async () => {
    const { connection } = await freshDatabase();
    const now = new Date();
    const manifest: ManifestOfBackup = {
      ...{ format: 1, made_at: now, expires_at: now, migrations: OLDER },
      tables: [{ name: 'creators', columns: ['id', 'open_id', 'plan'] }],
    };
    const row = '7d3f6f4e-6a3f-4b0e-9d6e-0d8a52f1c001\topen-1\tfree\n';
    const client = await connect(connection);
    const db = openDatabase(connection);
    try {
      await beginStaging(client, connection, manifest);
      await loadPart(client, manifest, 'creators', Readable.from([Buffer.from(row)]));
      const end = { rows: { creators: 1 }, files: 0, bytes: 0, files_gone: 0, notes: 0 };
      await finishStaging(client, connection, manifest, end);
      await swap(client, now, 0);
      expect(await printSchema(db)).to.equal(readFileSync(SCHEMA_FILE, 'utf8'));
      expect(await isMigrated(db)).to.equal(true);
      expect(await db('creators').pluck('open_id')).to.deep.equal(['open-1']);
    } finally {
      await client.end();
      await db.destroy();
    }
  });

  it('lacks what came since, and one of a newer version is refused by name', async () => {
    const missing = await missingMigrations(OLDER);
    expect(missing[0]).to.equal('0014_event_deliveries.ts');
    const newer = await missingMigrations([...OLDER, '9999_newer.ts']).catch((error) => error);
    expect(newer).to.be.instanceOf(ScriptFault);
    expect(newer.message).to.contain('9999_newer.ts');
  });
});
