// A row of `jobs`, written straight into the table, for tests of what becomes of it.
import { randomUUID } from 'node:crypto';
import type { Database } from '../../src/base/database.ts';

/** Of a new creator, unless `of` names one. Returns the row. */
export async function insertJob(db: Database, of: Record<string, unknown> = {}) {
  const creatorId = of['creator_id'] ?? (await insertCreator(db));
  const [row] = await db('jobs')
    .insert({
      ...{ creator_id: creatorId, mode: 'now', title: '', destination: 'inbox', settings: '{}' },
      ...{ send_at: new Date(), ...of },
    })
    .returning('*');
  return row;
}

async function insertCreator(db: Database): Promise<string> {
  const row = { open_id: randomUUID(), plan: 'paid' };
  const [{ id }] = await db('creators').insert(row).returning('id');
  return id;
}
