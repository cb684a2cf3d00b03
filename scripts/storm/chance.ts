// A seeded source of chance, so that a storm can be repeated.

export interface Chance {
  /** From 0 up to, and without, 1. */
  next(): number;
  between(from: number, to: number): number;
  /** A whole number from 0 up to, and without, `count`. */
  below(count: number): number;
  pick<T>(list: readonly T[]): T;
  /** True in this share of the cases. */
  hits(share: number): boolean;
}

/** Mulberry32, a public-domain generator by Tommy Ettinger: 32 bits of state, good enough here. */
export function createChance(seed: number): Chance {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (count: number) => Math.floor(next() * count);
  return {
    next,
    below,
    between: (from, to) => from + next() * (to - from),
    hits: (share) => next() < share,
    pick(list) {
      const found = list[below(list.length)];
      if (found === undefined) throw new Error('Expected a list with something in it');
      return found;
    },
  };
}
