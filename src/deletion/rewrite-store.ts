// The SQL of rewrites: for which deletions which tables are still to be rewritten, and when.
import type { Knex } from 'knex';
import type { Context } from '../context/context.ts';
import { emit } from '../events/emit.ts';
import { declaredTables, listMarkedTables } from '../privacy/eraser.ts';
import { queueRuns } from '../queue/queue.ts';
import { lockDeletion, type Receipt, updateDeletion } from './store.ts';

export const REWRITE = 'deletions.rewrite';

/** A deletion of which the files of the database may still hold something. */
export interface Owed {
  id: string;
  rewrite_tables: string[];
  /** The time as text, which is exact: another run, or a token that went, may change it. */
  due: string;
  /** It is the day for large tables. */
  is_monthly: boolean;
}

const MONTHLY = "date_trunc('month', :at, 'UTC') + interval '3 hours'";
const THIS_MONTH = MONTHLY.replace(':at', 'rewrite_at');
const NEXT_MONTH = MONTHLY.replace(':at', "now() + interval '1 month'");

/** The marked tables, and what the erasure found by other ways. */
const ALL_MARKED =
  "array(select unnest(:marked::text[]) union select jsonb_object_keys(receipt -> 'rows'))";

/** Names all tables that the deletion touched for the next rewrite, and queues it. */
export async function queueRewrite(ctx: Context, trx: Knex, id: string): Promise<void> {
  // The gathering, and the time since the last rewrite, let many deletions share one.
  const { rows } = await trx.raw(
    `update deletions
        set rewrite_tables = ${ALL_MARKED},
            rewrite_at = greatest(
              now() + :gather * interval '1 millisecond',
              (select max(done_at) from deletions) + :every * interval '1 millisecond')
      where id = :id returning rewrite_at`,
    {
      ...{ id, marked: listMarkedTables(declaredTables(ctx.modules)) },
      ...{ gather: ctx.timing.rewriteGatherMs, every: ctx.timing.rewriteEveryMs },
    },
  );
  await queueRewriteAt(trx, rows[0].rewrite_at);
}

/** Queues a rewrite. A run that waits already for an earlier time stays. */
export async function queueRewriteAt(trx: Knex, runAt: Date): Promise<void> {
  await queueRuns(trx, [{ name: REWRITE, key: REWRITE, runAt }], 'preserve_run_at');
}

/** Returns the deletions whose rewrite is due. */
export async function listOwedRewrites(db: Knex): Promise<Owed[]> {
  return db('deletions')
    .whereRaw('rewrite_at <= now()')
    .select(
      'id',
      'rewrite_tables',
      db.raw('rewrite_at::text as due'),
      db.raw(`done_at is not null and rewrite_at = ${THIS_MONTH} as is_monthly`),
    );
}

/**
 * A process of an older version finishes a deletion without a rewrite, and a deletion that was done
 * before this version was never rewritten.
 */
export async function oweForgotten({ db, modules }: Context): Promise<void> {
  await db.raw(
    `update deletions
        set searched_at = done_at, rewrite_at = now(), rewrite_tables = ${ALL_MARKED}
      where done_at is not null and searched_at is null`,
    { marked: listMarkedTables(declaredTables(modules)) },
  );
}

/** Stores how far the rewrite came, so that a run that goes on does not begin anew. */
export async function keepRewritten(db: Knex, ids: string[], tables: string[]): Promise<void> {
  await db.raw(
    `update deletions set rewrite_tables = array(
       select unnest(rewrite_tables) except select unnest(?::text[])) where id = any(?)`,
    [tables, ids],
  );
}

/** Writes the receipt. What is still to be rewritten is put off until its monthly day. */
export async function finishRewrite(trx: Knex, { id, due }: Owed, receipt: Receipt): Promise<void> {
  const before = await lockDeletion(trx, id);
  if (!before) return;
  const changes = {
    rewrite_at: trx.raw(
      `case when rewrite_at::text <> ? then rewrite_at
            when rewrite_tables = '{}' then null else ${NEXT_MONTH} end`,
      [due],
    ),
    done_at: before.done_at ?? trx.fn.now(),
  };
  await updateDeletion(trx, id, changes, receipt);
  if (!before.done_at) await emit(trx, { kind: 'deletion', id }, 'done');
}
