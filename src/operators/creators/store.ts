// The SQL that counts what an account holds, for the operators' page about it.
import type { Knex } from 'knex';

/** `working` counts the jobs that have not ended. */
export interface Holdings {
  jobs: number;
  working: number;
  files: number;
  bytes: number;
}

export async function countHoldings(db: Knex, creatorId: string): Promise<Holdings> {
  const { rows } = await db.raw(
    `select count(*) as jobs, count(*) filter (where finished_at is null) as working,
            (select count(*) from media where creator_id = :creator_id) as files,
            (select coalesce(sum(bytes), 0)::bigint from media where creator_id = :creator_id) as bytes
       from jobs where creator_id = :creator_id`,
    { creator_id: creatorId },
  );
  return rows[0];
}
