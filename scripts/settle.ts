// Settles posts after database and storage were put back together, which nothing else can notice.
import { parseArgs } from 'node:util';
import type { Knex } from 'knex';
import { withQueryLimit } from '../src/base/bounded-client.ts';
import { openDatabase } from '../src/base/database.ts';
import { isMigrated } from '../src/base/migrations.ts';
import { QUERY_LIMITS } from '../src/base/timing.ts';
import { createContinuity } from '../src/continuity/continuity.ts';
import { settleJobs } from '../src/jobs/settle.ts';
import { connect, openAlone } from './backup/place.ts';
import { assertStopped } from './backup/target.ts';
import { runScript, ScriptFault, wrongUsage } from './fault.ts';

const USAGE = `Usage: npm run settle [-- --nothing-lost]

Run it while PM3K is stopped, after an older state of database and storage together was put back, such
as a snapshot of the whole machine. Every unsent post ends as unconfirmed, and its creator says whether
it was made. --nothing-lost: the database was moved on purpose, with everything in it, e.g. to a new
server; no post is changed.`;

if (import.meta.main) await runScript(main);

async function main(): Promise<void> {
  const isNothingLost = readArguments();
  await using place = await openAlone();
  const client = await connect(place.connection);
  const db = openDatabase(place.connection);
  try {
    await assertStopped(client, place);
    if (!(await isMigrated(db))) {
      throw new ScriptFault(
        'The database has the schema of another version of PM3K. Settle with that version. Nothing was changed.',
      );
    }
    const continuity = createContinuity({ db, storage: place.storage });
    if (isNothingLost && (await continuity.findBreak()) === 'behind') {
      throw new ScriptFault(
        'The database lacks posts that were made, as the storage knows. Run it without --nothing-lost. Nothing was changed.',
      );
    }
    const settle = async (trx: Knex) => {
      const settled = isNothingLost ? 0 : (await settleJobs(trx)).unconfirmed;
      await continuity.adopt(trx);
      return settled;
    };
    const unconfirmed = await withQueryLimit(QUERY_LIMITS.allPosts, () => db.transaction(settle));
    process.stdout.write(
      isNothingLost
        ? 'The storage takes this database for its own. No post was changed.\n'
        : `${unconfirmed} posts are not sent before their creators have answered on the dashboard.\n`,
    );
  } finally {
    await db.destroy();
    await client.end();
  }
}

function readArguments(): boolean {
  try {
    const { values } = parseArgs({ options: { 'nothing-lost': { type: 'boolean' } } });
    return values['nothing-lost'] ?? false;
  } catch {
    throw wrongUsage(USAGE);
  }
}
