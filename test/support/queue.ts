// A queue in a database of its own, without an appliance around it.
import { type ConnectionOptions, openDatabase } from '../../src/base/database.ts';
import { createLog } from '../../src/base/log.ts';
import { TIMING, type Timing } from '../../src/base/timing.ts';
import { createDatabaseContact } from '../../src/queue/database-contact.ts';
import type { QueueContext } from '../../src/queue/queue.ts';
import { freshDatabase } from './database.ts';

/** Ends with `queue.db.destroy()`. */
export async function aQueue(
  intervals: Partial<Timing> = {},
  given?: ConnectionOptions,
): Promise<QueueContext> {
  const connection = given ?? (await freshDatabase()).connection;
  const timing = { ...TIMING, ...intervals };
  return {
    ...{
      connection,
      timing,
      db: openDatabase(connection, { limitMs: timing.queryMs }),
      log: createLog('silent'),
    },
    databaseContact: createDatabaseContact(timing),
  };
}
