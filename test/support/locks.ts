// Whether somebody waits for a lock in a test's own database.
import type { Database } from '../../src/base/database.ts';

/**
 * The server is shared, so locks of other databases do not count. `advisory`: of a name;
 * `transactionid`: of a row that a transaction has written.
 */
export async function isLockAwaited(
  db: Database,
  kind: 'advisory' | 'transactionid',
): Promise<boolean> {
  const { rows } = await db.raw(
    `select 1 from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock' and wait_event = ?`,
    [kind],
  );
  return rows.length > 0;
}
