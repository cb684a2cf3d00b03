// Runs the ticks of all modules in this process, each at its interval and never twice at a time.
import type { Context, Manifest, Tick } from './context/context.ts';

export interface Ticks {
  /** No tick begins after it; one that is running is not waited for. */
  stop(): void;
}

export function startTicks(ctx: Context, modules: Manifest[]): Ticks {
  const timers = modules.flatMap((module) =>
    Object.entries(module.ticks ?? {}).map(([name, tick]) =>
      startTick(ctx, `${module.name}.${name}`, tick),
    ),
  );
  return {
    stop() {
      for (const timer of timers) clearInterval(timer);
    },
  };
}

function startTick(ctx: Context, name: string, tick: Tick): NodeJS.Timeout {
  let isRunning = false;
  return setInterval(async () => {
    if (isRunning) return;
    isRunning = true;
    try {
      await tick.run(ctx);
    } catch (error) {
      ctx.log.warn({ event: 'tick.fault', tick: name, err: error });
    } finally {
      isRunning = false;
    }
  }, tick.every(ctx.timing));
}
