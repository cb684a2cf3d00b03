// Sessions with lucia, behind this one file: only a hash of the session id is ever stored.
import { type Adapter, type DatabaseSession, type DatabaseUser, Lucia } from 'lucia';
import type { Context } from '../context.ts';
import { type Creator, findCreator } from '../creators/store.ts';
import type { Database } from '../database.ts';
import { randomToken, sha256 } from '../secrets.ts';

export interface Sessions {
  /** Answers the `Set-Cookie` value of a new session. */
  start(creator_id: string): Promise<string>;
  /** The signed-in creator of a `Cookie` header, and a cookie to set when the session was prolonged. */
  find(cookie_header: string): Promise<{ creator: Creator; cookie: string | null } | null>;
  /** Ends the session of a `Cookie` header; answers the cookie that clears it. */
  end(cookie_header: string): Promise<string>;
}

const COOKIE = 'pm3k_session';

export function createSessions(ctx: Pick<Context, 'db' | 'config'>): Sessions {
  const lucia = new Lucia(createAdapter(ctx.db), {
    sessionCookie: {
      name: COOKIE,
      attributes: {
        secure: ctx.config.PUBLIC_URL.startsWith('https:'),
        sameSite: 'lax',
        path: '/',
      },
    },
  });
  return {
    async start(creator_id) {
      const session = await lucia.createSession(creator_id, {}, { sessionId: randomToken(256) });
      return lucia.createSessionCookie(session.id).serialize();
    },
    async find(cookie_header) {
      const id = lucia.readSessionCookie(cookie_header);
      if (!id) return null;
      const { session } = await lucia.validateSession(id);
      const creator = session ? await findCreator(ctx.db, session.userId) : undefined;
      if (!session || !creator) return null;
      return { creator, cookie: session.fresh ? lucia.createSessionCookie(id).serialize() : null };
    },
    async end(cookie_header) {
      const id = lucia.readSessionCookie(cookie_header);
      if (id) await lucia.invalidateSession(id);
      return lucia.createBlankSessionCookie().serialize();
    },
  };
}

/** lucia hands in and out the id of the cookie; the table sees its hash alone. */
function createAdapter(db: Database): Adapter {
  const rowOf = (id: string) => db('sessions').where({ id_hash: sha256(id) });
  return {
    async getSessionAndUser(id): Promise<[DatabaseSession | null, DatabaseUser | null]> {
      const row = await rowOf(id).first();
      if (!row) return [null, null];
      const session = { id, userId: row.creator_id, expiresAt: row.expires_at, attributes: {} };
      return [session, { id: row.creator_id, attributes: {} }];
    },
    // The ids themselves are gone; nothing may be fed what this would answer.
    getUserSessions: async () => [],
    async setSession(session) {
      await db('sessions').insert({
        id_hash: sha256(session.id),
        creator_id: session.userId,
        expires_at: session.expiresAt,
      });
    },
    async updateSessionExpiration(id, expires_at) {
      await rowOf(id).update({ expires_at });
    },
    async deleteSession(id) {
      await rowOf(id).delete();
    },
    async deleteUserSessions(creator_id) {
      await db('sessions').where({ creator_id }).delete();
    },
    async deleteExpiredSessions() {
      await db('sessions').where('expires_at', '<=', new Date()).delete();
    },
  };
}

export async function forgetExpiredSessions(db: Database): Promise<void> {
  await db('sessions').where('expires_at', '<', new Date()).delete();
}
