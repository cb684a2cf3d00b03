// Runs the ticks of all modules in this process by node-cron, each never twice at a time.
import cron from 'node-cron';
import type { Context, Manifest } from './context/context.ts';
import { listByName } from './context/hooks.ts';

export interface Ticks {
  /** No tick begins after it; one that is running is not waited for. */
  stop(): Promise<void>;
}

export function startTicks(ctx: Context, modules: Manifest[]): Ticks {
  const ticks = listByName(modules, (module) => module.ticks);
  const tasks = [...ticks].map(([name, { value: tick }]) => {
    const line = typeof tick.cron === 'string' ? tick.cron : tick.cron(ctx.timing);
    const run = () =>
      tick.run(ctx).catch((error) => {
        ctx.log.warn({ event: 'tick.fault', tick: name, err: error });
      });
    return cron.schedule(line, run, { noOverlap: true });
  });
  return {
    async stop() {
      for (const task of tasks) await task.stop();
    },
  };
}
