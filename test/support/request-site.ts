// An appliance with two operators, and what the tests of deletion requests do on its pages.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import pg from 'pg';
import { createAccount } from '../../scripts/tiktok-sandbox/initial-state.ts';
import type { Context } from '../../src/context/context.ts';
import { aCreator, type Seeded } from './a-creator.ts';
import { type Appliance, anAppliance, type Env } from './appliance.ts';
import { aContext } from './context.ts';
import { ADMIN, type OperatorClient, signedInOperator } from './operator.ts';

/** Words of a person, which must be gone once the request is closed. */
export const CANARY = 'canary words of the person';

/** What the page of one request shows. */
export interface ShownRequest {
  text: string;
  state: string | undefined;
  link: string | undefined;
  code: string | undefined;
  version: string | undefined;
  reply: string;
  /** Ids of the accounts that the request may be about, in their order. */
  accounts: (string | undefined)[];
}

export interface RequestSite extends AsyncDisposable {
  app: Appliance;
  ctx: Context;
  ada: OperatorClient;
  bob: OperatorClient;
  sql(text: string, values?: unknown[]): Promise<pg.QueryResult['rows']>;
  /** A creator in the database, and the TikTok account of the same name. */
  person(username: string, grant?: 'live' | 'dead'): Promise<Seeded>;
  /** Enters a request as Ada. Returns the path of its page. */
  enter(fields: Env): Promise<string>;
  look(path: string): Promise<ShownRequest>;
  /** Enters a request, chooses the account and asks for a proof. Returns the path of its page. */
  ask(who: Seeded, method: string, more?: Env): Promise<string>;
  /** Looks at the page until it shows this state. */
  waitFor(path: string, state: string): Promise<ShownRequest>;
  /** Whether the creator is there and not leaving. */
  exists(who: Seeded): Promise<boolean>;
  /** The open_ids whose grants TikTok was asked to revoke. */
  listRevoked(): string[];
}

export async function aRequestSite(): Promise<RequestSite> {
  const app = await anAppliance({
    ...ADMIN,
    OPERATOR_EMAIL: 'privacy@agency.example',
    OPERATOR_NAME: 'Agency',
  });
  const { database_url, data_dir } = app;
  const database = new pg.Client(database_url);
  await database.connect();
  const ctx = await aContext({ database_url, data_dir, tiktok_url: app.sandbox.url });
  const ada = await signedInOperator(app.url);
  const bob = await ada.addOperator('bob@agency.example');
  const site: RequestSite = {
    ...{ app, ctx, ada, bob },
    sql: async (text, values = []) => (await database.query(text, values)).rows,
    person(username, grant = 'live') {
      const known = createAccount(username, `Nick of ${username}`);
      app.sandbox.state.accounts.push(known);
      return aCreator(ctx, app.sandbox, known, grant);
    },
    async enter(fields) {
      const answer = await ada.form('/admin/deletions', fields);
      expect(answer.status, answer.text.slice(0, 2000)).to.equal(303);
      return answer.headers.get('location') as string;
    },
    look: async (path) => readRequest((await ada.page(path)).text),
    async ask({ id }, method, more = {}) {
      const path = await site.enter({ username: 'whoever', details: CANARY });
      await ada.form(`${path}/creator`, { creator_id: id });
      const answer = await ada.form(`${path}/proof`, { method, ...more });
      expect(answer.status, answer.text).to.equal(303);
      return path;
    },
    waitFor: (path, state) => waitFor(site, path, state),
    async exists({ id }) {
      const query = 'select 1 from creators where id = $1 and leaving_at is null';
      return (await site.sql(query, [id])).length === 1;
    },
    listRevoked: () => app.sandbox.state.revocations.map(({ open_id }) => open_id),
    async [Symbol.asyncDispose]() {
      await database.end();
      await ctx.db.destroy();
      await app[Symbol.asyncDispose]();
    },
  };
  return site;
}

function readRequest(text: string): ShownRequest {
  const one = (pattern: RegExp) => pattern.exec(text)?.[1];
  return {
    text,
    state: one(/data-state="([^"]+)"/),
    link: one(/data-proof-link>([^<]+)</),
    code: one(/data-bio-code>([^<]+)</),
    version: one(/name="version" value="(\d+)"/),
    reply: one(/<textarea id="reply"[^>]*>([^<]*)</) ?? '',
    accounts: [...text.matchAll(/data-account="([^"]+)"/g)].map((match) => match[1]),
  };
}

async function waitFor(site: RequestSite, path: string, state: string): Promise<ShownRequest> {
  for (let tries = 0; tries < 300; tries += 1) {
    const found = await site.look(path);
    if (found.state === state) return found;
    await sleep(100);
  }
  throw new Error(`Expected ${state}, the request stayed ${(await site.look(path)).state}`);
}
