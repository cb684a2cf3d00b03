// Deletes one creator in a process that kills itself at a numbered point, for the tests.
// A point lies before and after each statement, file and call to TikTok. Without a number the process
// prints how many points it passed.
import pg from 'pg';
import type { Context } from '../../src/context/context.ts';
import { executeDeletion } from '../../src/deletion/execute.ts';
import { requestDeletion } from '../../src/deletion/request.ts';
import { rewriteDue } from '../../src/deletion/rewrite.ts';
import { aContext } from '../support/context.ts';

const [databaseUrl = '', dataDir = '', tiktokUrl = '', creatorId = '', killAt = '0'] =
  process.argv.slice(2);
const passed: string[] = [];

function point(name: string): void {
  passed.push(name);
  if (passed.length === Number(killAt)) process.kill(process.pid, 'SIGKILL');
}

/** Puts points around every method that reaches outside the process. */
function watched<T extends object>(port: T, name: string): T {
  return new Proxy(port, {
    get(target, method) {
      const value = Reflect.get(target, method);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        point(`before ${name}.${String(method)}`);
        const result = value.apply(target, args);
        if (!(result instanceof Promise)) return result;
        return result.then((answer) => {
          point(`after ${name}.${String(method)}`);
          return answer;
        });
      };
    },
  });
}

const plain = await aContext({
  database_url: databaseUrl,
  data_dir: dataDir,
  tiktok_url: tiktokUrl,
});
const ctx: Context = {
  ...plain,
  storage: watched(plain.storage, 'storage'),
  tiktok: watched(plain.tiktok, 'tiktok'),
};
const sqlOf = ({ sql }: { sql: string }) => sql.trim().replaceAll(/\s+/g, ' ').slice(0, 60);
ctx.db.on('query', (query) => point(`before ${sqlOf(query)}`));
ctx.db.on('query-response', (_answer, query) => point(`after ${sqlOf(query)}`));

// The rewrite has a connection of its own.
const { query } = pg.Client.prototype;
pg.Client.prototype.query = function (this: pg.Client, ...args: unknown[]) {
  const sql = String(args[0]).slice(0, 60);
  const isRewrite = /^(?:vacuum|checkpoint|select pg_switch_wal|analyze)/.test(sql);
  if (isRewrite) point(`before ${sql}`);
  const result = Reflect.apply(query, this, args);
  if (isRewrite && result instanceof Promise) return result.finally(() => point(`after ${sql}`));
  return result;
} as typeof query;

const { id } = await requestDeletion(ctx, creatorId, 'self_service');
const { signal } = new AbortController();
await executeDeletion(ctx, id, signal);
await rewriteDue(ctx, signal);
process.stdout.write(JSON.stringify(passed));
await plain.db.destroy();
