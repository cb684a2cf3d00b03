// Waits for a fact by asking again and again.
import { setTimeout as sleep } from 'node:timers/promises';

/** Returns what `ask` finds, once that is neither false nor nothing. The default is mocha's limit. */
export async function waitUntil<T>(
  ask: () => Promise<T> | T,
  withinMs = 120_000,
): Promise<NonNullable<Exclude<T, false>>> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const found = await ask();
    if (found) return found as NonNullable<Exclude<T, false>>;
    if (Date.now() > deadline) throw new Error('Expected a condition to come true in time');
    await sleep(50);
  }
}
