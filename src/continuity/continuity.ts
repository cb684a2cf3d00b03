// Notices that the database is not the one, or not as far, as when the last post was sent.
import type { Knex } from 'knex';
import type { Storage } from '../storage/storage.ts';
import { findMarkers, type Marker, putMarker, removeMarkers } from './markers.ts';
import { raiseNumber, readNumber, setNumber } from './position.ts';
import { parsePosition, readServer, type Server } from './server.ts';

/**
 * `another_database`: restored elsewhere, or another one was configured. `behind`: it lacks what was
 * committed before, as a replica that lagged, or a snapshot.
 */
export type Break = 'another_database' | 'behind';

/** Thrown where something would be sent on the word of a database that may have lost its last changes. */
export class DatabaseBroken extends Error {
  override name = 'DatabaseBroken';

  constructor(reason: Break) {
    super(`The database is not as it was left: ${reason}`);
  }
}

export interface Continuity {
  /** Compares the database with what the storage knows of it; null when all is well. */
  findBreak(): Promise<Break | null>;
  /**
   * Writes to the storage, durably, that this database holds all that was committed before the call.
   * After it a database without that is noticed. Calls at the same time share one writing.
   *
   * @throws DatabaseBroken when it is not as it was left; nothing may be sent then.
   */
  secure(): Promise<void>;
  /**
   * Takes the database as it is: what it may lack has been settled in the caller's transaction. The
   * marker is written first, so that a crash before the commit leaves it to be settled again.
   */
  adopt(trx: Knex): Promise<void>;
  /** Whether to compare now: after an outage, after a break was met, and each minute. */
  isDue(outages: number): boolean;
}

const LOOK_MS = 60_000;

/** Where the position is kept, and where its copy is. */
interface Places {
  db: Knex;
  storage: Storage;
}

export function createContinuity(places: Places): Continuity {
  const look = { outages: 0, at: Number.NEGATIVE_INFINITY, hasMetBreak: false };
  return {
    findBreak: () => findBreak(places),
    secure: shareRuns(async () => {
      await record(places).catch((error) => {
        if (error instanceof DatabaseBroken) look.hasMetBreak = true;
        throw error;
      });
    }),
    adopt: (trx) => adopt(places.storage, trx),
    isDue(outages) {
      const now = performance.now();
      const isDue = look.hasMetBreak || look.outages !== outages || now - look.at >= LOOK_MS;
      if (isDue) Object.assign(look, { outages, at: now, hasMetBreak: false });
      return isDue;
    },
  };
}

async function findBreak({ db, storage }: Places): Promise<Break | null> {
  // The storage first: a number that is raised meanwhile is no break.
  const found = await findMarkers(storage);
  if (!found) return null;
  if ((await readNumber(db)) < found.newest.number) return 'behind';
  return findDifference(found.newest, await readServer(db));
}

async function record({ db, storage }: Places): Promise<void> {
  const found = await findMarkers(storage);
  const server = await readServer(db);
  const reason = found && findDifference(found.newest, server);
  if (reason) throw new DatabaseBroken(reason);
  const number = await raiseNumber(db, found?.newest.number ?? 0);
  if (number === undefined) throw new DatabaseBroken('behind');
  await putMarker(storage, { number, ...server });
  if (!found) return;
  const older = [found.newest.number, ...found.others].filter((each) => each < number);
  await removeMarkers(storage, older);
}

async function adopt(storage: Storage, trx: Knex): Promise<void> {
  const found = await findMarkers(storage);
  const number = Math.max(await readNumber(trx), found?.newest.number ?? 0) + 1;
  await setNumber(trx, number);
  await putMarker(storage, { number, ...(await readServer(trx)) });
}

/** What cannot be read on either side is not compared; the number is, in any case. */
function findDifference(known: Marker, now: Server): Break | null {
  if (known.identity !== null && now.identity !== null && known.identity !== now.identity)
    return 'another_database';
  if (known.timeline !== null && now.timeline !== null && now.timeline < known.timeline)
    return 'behind';
  if (known.position === null || now.position === null) return null;
  return parsePosition(now.position) < parsePosition(known.position) ? 'behind' : null;
}

/**
 * Returns a function whose calls during a run wait for one more run, which they share: that one begins
 * after all of them were made.
 */
function shareRuns(run: () => Promise<void>): () => Promise<void> {
  let current: Promise<void> = Promise.resolve();
  let next: Promise<void> | null = null;
  return () => {
    next ??= current
      .catch(() => {})
      .then(() => {
        current = next as Promise<void>;
        next = null;
        return run();
      });
    return next;
  };
}
