// Keeps sessions with lucia, which only this file imports; stores a hash of each session id.
import { type Adapter, type DatabaseSession, type DatabaseUser, Lucia, TimeSpan } from 'lucia';
import type { Database } from '../base/database.ts';
import { sqlFromNow } from '../base/database-time.ts';
import { randomToken, sha256 } from '../base/secrets.ts';
import type { Context } from '../context/context.ts';
import { type Creator, findCreator, touchLastSeen } from '../creators/store.ts';

/** The sessions of one kind of people. */
export interface Sessions<Owner> {
  /** Begins a session. Returns the value of its `Set-Cookie` header. */
  start(ownerId: string): Promise<string>;
  /** Returns the session that a `Cookie` header names, or null if there is none or it has ended. */
  find(cookieHeader: string): Promise<FoundSession<Owner> | null>;
  /** Ends the session of a `Cookie` header. Returns the `Set-Cookie` value that clears it. */
  end(cookieHeader: string): Promise<string>;
}

export interface FoundSession<Owner> {
  owner: Owner;
  /** A `Set-Cookie` value if the session was prolonged, else null. */
  cookie: string | null;
  /** The key of the session's row. */
  id_hash: string;
}

/** One kind of people who sign in: the table of their sessions, and their cookie. */
export interface SessionKind<Owner> {
  table: string;
  ownerColumn: string;
  cookie: string;
  path: string;
  sameSite: 'lax' | 'strict';
  /** How long a session lasts after the last visit. */
  lasts: ConstructorParameters<typeof TimeSpan>;
  findOwner(db: Database, id: string): Promise<Owner | undefined>;
}

const OF_CREATORS: SessionKind<Creator> = {
  table: 'sessions',
  ownerColumn: 'creator_id',
  cookie: 'pm3k_session',
  path: '/',
  sameSite: 'lax',
  lasts: [30, 'd'],
  async findOwner(db, id) {
    const creator = await findCreator(db, id);
    if (creator) await touchLastSeen(db, creator);
    return creator;
  },
};

/** Returns the sessions of creators. */
export function createSessions(ctx: Pick<Context, 'db' | 'config'>): Sessions<Creator> {
  return createSessionsFor(ctx, OF_CREATORS);
}

/** Returns the sessions of another kind of people. */
export function createSessionsFor<Owner>(
  ctx: Pick<Context, 'db' | 'config'>,
  kind: SessionKind<Owner>,
): Sessions<Owner> {
  const lucia = new Lucia(createAdapter(ctx.db, kind), {
    sessionExpiresIn: new TimeSpan(...kind.lasts),
    sessionCookie: {
      name: kind.cookie,
      attributes: {
        secure: ctx.config.PUBLIC_URL.startsWith('https:'),
        sameSite: kind.sameSite,
        path: kind.path,
      },
    },
  });
  return {
    async start(ownerId) {
      const session = await lucia.createSession(ownerId, {}, { sessionId: randomToken(256) });
      return lucia.createSessionCookie(session.id).serialize();
    },
    async find(cookieHeader) {
      const id = lucia.readSessionCookie(cookieHeader);
      if (!id) return null;
      const { session } = await lucia.validateSession(id);
      const owner = session ? await kind.findOwner(ctx.db, session.userId) : undefined;
      if (!session || !owner) return null;
      const cookie = session.fresh ? lucia.createSessionCookie(id).serialize() : null;
      return { owner, cookie, id_hash: sha256(id) };
    },
    async end(cookieHeader) {
      const id = lucia.readSessionCookie(cookieHeader);
      if (id) await lucia.invalidateSession(id);
      return lucia.createBlankSessionCookie().serialize();
    },
  };
}

/**
 * Returns lucia's adapter, which uses the id of the cookie where the table has its hash. lucia
 * compares with this machine's clock, so it is given the time that is left, counted by the database,
 * from that clock on. What it says about the end of a session is not stored.
 */
function createAdapter(db: Database, kind: SessionKind<unknown>): Adapter {
  const { table, ownerColumn } = kind;
  const lastsMs = new TimeSpan(...kind.lasts).milliseconds();
  const sessionRow = (id: string) => db(table).where({ id_hash: sha256(id) });
  return {
    async getSessionAndUser(id): Promise<[DatabaseSession | null, DatabaseUser | null]> {
      const left = db.raw('extract(epoch from expires_at - now())::float * 1000 as left_ms');
      const row = await sessionRow(id).first(ownerColumn, left);
      if (!row) return [null, null];
      const ownerId = row[ownerColumn];
      const expiresAt = new Date(Date.now() + row.left_ms);
      const session = { id, userId: ownerId, expiresAt, attributes: {} };
      return [session, { id: ownerId, attributes: {} }];
    },
    // lucia expects session ids here, but only their hashes are stored.
    getUserSessions: async () => [],
    async setSession(session) {
      await db(table).insert({
        id_hash: sha256(session.id),
        [ownerColumn]: session.userId,
        expires_at: sqlFromNow(db, lastsMs),
      });
    },
    async updateSessionExpiration(id) {
      await sessionRow(id).update({ expires_at: sqlFromNow(db, lastsMs) });
    },
    async deleteSession(id) {
      await sessionRow(id).delete();
    },
    async deleteUserSessions(ownerId) {
      await db(table)
        .where({ [ownerColumn]: ownerId })
        .delete();
    },
    async deleteExpiredSessions() {
      await db(table).where('expires_at', '<', db.fn.now()).delete();
    },
  };
}
