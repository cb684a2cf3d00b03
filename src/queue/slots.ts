// How many runs of one kind go on at once in this process, whichever worker pool they were taken by.

/** Shared by a worker pool and the broken ones that it replaced. */
export interface Slots {
  /**
   * Takes a slot; waits until one is free. graphile-worker calls it before it looks for work, and
   * accepts null as "no run is forbidden".
   */
  take(pool: object): null | Promise<null>;
  give(): void;
  /** Takes a slot also where none is free: for a run that a pool took while it was replaced. */
  force(): void;
  /** Lets the workers of a pool that was replaced stop waiting. Each gives its slot back at once. */
  release(pool: object): void;
}

export function createSlots(limit: number): Slots {
  let taken = 0;
  let waiting: { pool: object; proceed: () => void }[] = [];
  return {
    take(pool) {
      if (taken >= limit) {
        return new Promise((resolve) => {
          waiting.push({ pool, proceed: () => resolve(null) });
        });
      }
      taken += 1;
      return null;
    },
    give() {
      taken -= 1;
      if (taken >= limit) return;
      const next = waiting.shift();
      if (!next) return;
      taken += 1;
      next.proceed();
    },
    force() {
      taken += 1;
    },
    release(pool) {
      const released = waiting.filter((each) => each.pool === pool);
      waiting = waiting.filter((each) => each.pool !== pool);
      taken += released.length;
      for (const { proceed } of released) proceed();
    },
  };
}
