// Sweeps and reconciles once in a process that may kill itself at a numbered point, for the tests.
// A point lies before and after each statement and file. At its end the process prints how many points
// it passed.
import { reconcile } from '../../src/retention/reconcile.ts';
import { sweep } from '../../src/retention/sweep.ts';
import { aContext } from '../support/context.ts';

const [databaseUrl = '', dataDir = '', killAt = '0'] = process.argv.slice(2);
let passed = 0;

function point(): void {
  passed += 1;
  if (passed === Number(killAt)) process.kill(process.pid, 'SIGKILL');
}

const ctx = await aContext({
  database_url: databaseUrl,
  data_dir: dataDir,
  tiktok_url: 'http://127.0.0.1:9',
});
const { remove, list } = ctx.storage;
Object.assign(ctx.storage, {
  async remove(key: string) {
    point();
    await remove(key);
    point();
  },
  async *list(after?: string) {
    for await (const found of list(after)) {
      point();
      yield found;
    }
  },
});
ctx.db.on('query', point);
ctx.db.on('query-response', point);

const signal = new AbortController().signal;
await sweep(ctx, signal);
await reconcile(ctx, {}, signal);
process.stdout.write(String(passed));
await ctx.db.destroy();
