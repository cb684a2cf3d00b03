// Sessions with lucia, behind this one file: only a hash of the session id is ever stored.
import { type Adapter, type DatabaseSession, type DatabaseUser, Lucia, TimeSpan } from 'lucia';
import type { Database } from '../base/database.ts';
import { randomToken, sha256 } from '../base/secrets.ts';
import type { Context } from '../context/context.ts';
import { type Creator, findCreator, noteSeen } from '../creators/store.ts';

export interface Sessions<Owner> {
  /** Answers the `Set-Cookie` value of a new session. */
  start(owner_id: string): Promise<string>;
  /** Whose session a `Cookie` header names, and a cookie to set when the session was prolonged. */
  find(cookie_header: string): Promise<FoundSession<Owner> | null>;
  /** Ends the session of a `Cookie` header; answers the cookie that clears it. */
  end(cookie_header: string): Promise<string>;
}

export interface FoundSession<Owner> {
  owner: Owner;
  cookie: string | null;
  /** By which the session's row is known. */
  id_hash: string;
}

/** One kind of people who sign in: where their sessions are kept, and what their cookie is like. */
export interface SessionKind<Owner> {
  table: string;
  owner_column: string;
  cookie: string;
  path: string;
  same_site: 'lax' | 'strict';
  /** After the last visit. */
  lasts: ConstructorParameters<typeof TimeSpan>;
  findOwner(db: Database, id: string): Promise<Owner | undefined>;
}

const OF_CREATORS: SessionKind<Creator> = {
  table: 'sessions',
  owner_column: 'creator_id',
  cookie: 'pm3k_session',
  path: '/',
  same_site: 'lax',
  lasts: [30, 'd'],
  async findOwner(db, id) {
    const creator = await findCreator(db, id);
    if (creator) await noteSeen(db, creator);
    return creator;
  },
};

/** The sessions of creators. */
export function createSessions(ctx: Pick<Context, 'db' | 'config'>): Sessions<Creator> {
  return createSessionsOf(ctx, OF_CREATORS);
}

export function createSessionsOf<Owner>(
  ctx: Pick<Context, 'db' | 'config'>,
  kind: SessionKind<Owner>,
): Sessions<Owner> {
  const lucia = new Lucia(createAdapter(ctx.db, kind), {
    sessionExpiresIn: new TimeSpan(...kind.lasts),
    sessionCookie: {
      name: kind.cookie,
      attributes: {
        secure: ctx.config.PUBLIC_URL.startsWith('https:'),
        sameSite: kind.same_site,
        path: kind.path,
      },
    },
  });
  return {
    async start(owner_id) {
      const session = await lucia.createSession(owner_id, {}, { sessionId: randomToken(256) });
      return lucia.createSessionCookie(session.id).serialize();
    },
    async find(cookie_header) {
      const id = lucia.readSessionCookie(cookie_header);
      if (!id) return null;
      const { session } = await lucia.validateSession(id);
      const owner = session ? await kind.findOwner(ctx.db, session.userId) : undefined;
      if (!session || !owner) return null;
      const cookie = session.fresh ? lucia.createSessionCookie(id).serialize() : null;
      return { owner, cookie, id_hash: sha256(id) };
    },
    async end(cookie_header) {
      const id = lucia.readSessionCookie(cookie_header);
      if (id) await lucia.invalidateSession(id);
      return lucia.createBlankSessionCookie().serialize();
    },
  };
}

/** lucia hands in and out the id of the cookie; the table sees its hash alone. */
function createAdapter(db: Database, kind: SessionKind<unknown>): Adapter {
  const { table, owner_column } = kind;
  const rowOf = (id: string) => db(table).where({ id_hash: sha256(id) });
  return {
    async getSessionAndUser(id): Promise<[DatabaseSession | null, DatabaseUser | null]> {
      const row = await rowOf(id).first();
      if (!row) return [null, null];
      const owner_id = row[owner_column];
      const session = { id, userId: owner_id, expiresAt: row.expires_at, attributes: {} };
      return [session, { id: owner_id, attributes: {} }];
    },
    // The ids themselves are gone; nothing may be fed what this would answer.
    getUserSessions: async () => [],
    async setSession(session) {
      await db(table).insert({
        id_hash: sha256(session.id),
        [owner_column]: session.userId,
        expires_at: session.expiresAt,
      });
    },
    async updateSessionExpiration(id, expires_at) {
      await rowOf(id).update({ expires_at });
    },
    async deleteSession(id) {
      await rowOf(id).delete();
    },
    async deleteUserSessions(owner_id) {
      await db(table)
        .where({ [owner_column]: owner_id })
        .delete();
    },
    async deleteExpiredSessions() {
      await db(table).where('expires_at', '<', new Date()).delete();
    },
  };
}
