// Run by broker.test.ts as a file of tests of its own: asks for all that there is, says what it got, and does not end.
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { BROKER_VARIABLE } from './broker-client.ts';
import { freshDatabase } from './database.ts';
import { sharedAppliance } from './shared-appliance.ts';

describe('a test that holds everything', () => {
  it('waits to be ended', async () => {
    const app = await sharedAppliance();
    const client = new pg.Client((await freshDatabase()).connection);
    await client.connect();
    const { rows } = await client.query(
      `select current_setting('data_directory') as data_directory,
              split_part(pg_read_file('postmaster.pid'), chr(10), 1)::int as server`,
    );
    await client.end();
    const { data_directory, server } = rows[0];
    const [started] = app.output().split('\n');
    writeFileSync(
      process.env['HELD_TO'] as string,
      JSON.stringify({
        pids: [server, JSON.parse(started as string).pid],
        folders: [data_directory, app.data_dir, process.env[BROKER_VARIABLE]],
      }),
    );
    while (process.env['HELD_FOR'] !== 'nothing') await sleep(1_000);
  });
});
