// Runs the ticks of all modules in this process by node-cron, each never twice at a time.
import cron, { type ScheduledTask } from 'node-cron';
import type { Context, Manifest } from './context/context.ts';

export interface Ticks {
  /** No tick begins after it; one that is running is not waited for. */
  stop(): Promise<void>;
}

export function startTicks(ctx: Context, modules: Manifest[]): Ticks {
  const tasks = modules.flatMap((module) =>
    Object.entries(module.ticks ?? {}).map(([name, tick]): ScheduledTask => {
      const line = typeof tick.cron === 'string' ? tick.cron : tick.cron(ctx.timing);
      const run = () =>
        tick.run(ctx).catch((error) => {
          ctx.log.warn({ event: 'tick.fault', tick: `${module.name}.${name}`, err: error });
        });
      return cron.schedule(line, run, { noOverlap: true });
    }),
  );
  return {
    async stop() {
      for (const task of tasks) await task.stop();
    },
  };
}
