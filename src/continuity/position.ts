// The SQL of the number that each mark raises.
import type { Knex } from 'knex';

/** Returns 0 before the first. */
export async function readNumber(db: Knex): Promise<number> {
  const row = await db('database_position').first('number');
  return row?.number ?? 0;
}

/**
 * Raises the number by one and returns it; undefined where it is below `least`. Committed alone, it
 * comes after everything that was committed before, also in the log of a replica.
 */
export async function raiseNumber(db: Knex, least: number): Promise<number | undefined> {
  const { rows } = await db.raw(
    least === 0
      ? `insert into database_position as known (number) values (1)
           on conflict (is_only) do update set number = known.number + 1, at = now()
         returning number`
      : `update database_position set number = number + 1, at = now()
          where number >= ? returning number`,
    least === 0 ? [] : [least],
  );
  return rows[0]?.number;
}

export async function setNumber(trx: Knex, number: number): Promise<void> {
  await trx('database_position')
    .insert({ number })
    .onConflict('is_only')
    .merge({ number, at: trx.fn.now() });
}
