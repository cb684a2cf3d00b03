// A process that delivers events of a test's database into its table `told`; with a name, it kills itself once it has told of that one.
import { subscribe } from '../../src/events/module.ts';
import { startWorker } from '../../src/worker.ts';
import { aContext } from '../support/context.ts';

const [databaseUrl = '', dataDir = '', killAfter = ''] = process.argv.slice(2);
const ctx = await aContext({
  database_url: databaseUrl,
  data_dir: dataDir,
  tiktok_url: 'http://127.0.0.1:9',
});
ctx.modules = [
  ...ctx.modules.map(({ events: _, ...rest }) => rest),
  {
    name: 'test',
    events: {
      all: {
        on: ['job.*'],
        async run({ db }, { id, name, subject }) {
          await db.raw('insert into told (pid, event_id, job_id, name) values (?, ?, ?, ?)', [
            ...[process.pid, id, subject.id, name],
          ]);
          if (name === killAfter) process.kill(process.pid, 'SIGKILL');
        },
      },
    },
    personalData: { nothing: 'A test.' },
  },
];
await subscribe(ctx);
const worker = await startWorker(ctx, ctx.modules, killAfter === '' && process.argv[5] === 'alone');
process.stdout.write('ready\n');
process.once('SIGTERM', async () => {
  await worker.stop();
  await ctx.db.destroy();
});
