// When this process last reached the database, so that no pool is declared dead for an outage.
import { databaseNow } from '../base/database-time.ts';
import type { Timing } from '../base/timing.ts';

export interface DatabaseContact {
  /** Records that the database answered just now. */
  recordAnswer(): void;
  /** How often the database answered after a gap; the first answer counts as one. */
  countOutages(): number;
  /**
   * Whether the database has answered without a gap for so long that every living pool has beaten.
   * False after an outage of any kind: a database that refuses or hangs, and a machine that slept.
   */
  isSteady(): boolean;
}

export function createDatabaseContact(timing: Timing): DatabaseContact {
  let answeredAt = 0;
  let steadySince = 0;
  let outages = 0;
  const isGap = (now: number) => now - answeredAt > timing.outageMs;
  return {
    recordAnswer() {
      const now = databaseNow().getTime();
      if (isGap(now)) {
        steadySince = now;
        outages += 1;
      }
      answeredAt = now;
    },
    countOutages: () => outages,
    isSteady() {
      const now = databaseNow().getTime();
      return !isGap(now) && now - steadySince >= timing.chanceToBeatMs;
    },
  };
}
