// A machine whose clock is wrong: shifts what JavaScript takes for the time, in this process or in a child's.
import { pathToFileURL } from 'node:url';
import type { Env } from './appliance.ts';

const { Date: Real } = globalThis;

/** Lets this process take the time for so many milliseconds later until it is disposed of. */
export function shiftClock(ms: number): Disposable {
  class Shifted extends Real {
    constructor(...of: []) {
      if (of.length === 0) super(Real.now() + ms);
      else super(...of);
    }

    static override now(): number {
      return Real.now() + ms;
    }

    /** Also those that Node itself makes. */
    static override [Symbol.hasInstance](value: unknown): boolean {
      return Function.prototype[Symbol.hasInstance].call(Real, value);
    }
  }
  globalThis.Date = Shifted as DateConstructor;
  return {
    [Symbol.dispose]() {
      globalThis.Date = Real;
    },
  };
}

/** Settings of a child process whose clock is wrong by so much. */
export function wrongClock(ms: number): Env {
  return {
    NODE_OPTIONS: `--import=${pathToFileURL(import.meta.filename)}`,
    SHIFT_CLOCK_MS: String(ms),
  };
}

const shiftMs = Number(process.env['SHIFT_CLOCK_MS'] ?? 0);
if (shiftMs !== 0) shiftClock(shiftMs);
