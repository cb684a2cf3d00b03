// When this process last reached the database, so that no pool is declared dead for an outage.
import type { Timing } from '../base/timing.ts';

export interface DatabaseContact {
  /** Records that the database answered just now; `databaseMs` is the time there. */
  recordAnswer(databaseMs: number): void;
  /** How often the database answered after a gap; the first answer counts as one. */
  countOutages(): number;
  /**
   * Whether the database has answered without a gap for so long that every living pool has beaten.
   * False after an outage of any kind: a database that refuses or hangs, a machine that slept, and a
   * clock of the database that was set, because pools are judged by that clock.
   */
  isSteady(databaseMs: number): boolean;
  /** For how long the database has answered without a gap. */
  countSteadyMs(): number;
}

/** The clock of this process is the monotonic one, which nobody sets. */
export function createDatabaseContact(
  { outageMs, chanceToBeatMs }: Timing,
  readMs: () => number = () => performance.now(),
): DatabaseContact {
  let last: { ownMs: number; databaseMs: number } | undefined;
  let steadySince = 0;
  let outages = 0;
  const isGap = (ownMs: number, databaseMs?: number) => {
    if (!last || ownMs - last.ownMs > outageMs) return true;
    if (databaseMs === undefined) return false;
    return Math.abs(databaseMs - last.databaseMs - (ownMs - last.ownMs)) > outageMs;
  };
  return {
    recordAnswer(databaseMs) {
      const ownMs = readMs();
      if (isGap(ownMs, databaseMs)) {
        steadySince = ownMs;
        outages += 1;
      }
      last = { ownMs, databaseMs };
    },
    countOutages: () => outages,
    isSteady(databaseMs) {
      const ownMs = readMs();
      return !isGap(ownMs, databaseMs) && ownMs - steadySince >= chanceToBeatMs;
    },
    countSteadyMs() {
      const ownMs = readMs();
      return isGap(ownMs) ? 0 : ownMs - steadySince;
    },
  };
}
