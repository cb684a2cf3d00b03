// The SQL of the overview: the numbers, and what needs a person.
import type { Knex } from 'knex';

export interface Numbers {
  creators: number;
  posts: number;
  failed: number;
  media_bytes: number;
  deletions_under_way: number;
}

/** Counts posts and failures of the last 24 hours, and all of the rest. */
export async function countAll(db: Knex): Promise<Numbers> {
  const { rows } = await db.raw(`
    with ended as (
      select count(*) filter (where state = 'finished') as posts,
             count(*) filter (where state = 'failed') as failed
        from jobs where finished_at > now() - interval '24 hours'
    )
    select (select count(*) from creators where leaving_at is null) as creators,
           ended.posts, ended.failed,
           (select coalesce(sum(bytes), 0)::bigint from media) as media_bytes,
           (select count(*) from deletions where done_at is null) as deletions_under_way
      from ended`);
  return rows[0];
}

export interface Troubles {
  /** Deletions whose search found traces. They go on until it finds none. */
  traces: number;
  /** Posts of which TikTok never said how they ended. */
  unconfirmed: number;
}

export async function countTroubles(db: Knex): Promise<Troubles> {
  const { rows } = await db.raw(`
    select (select count(*) from deletions where done_at is null and traces > 0) as traces,
           (select count(*) from jobs where state = 'unconfirmed') as unconfirmed`);
  return rows[0];
}
