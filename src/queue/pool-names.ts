// The worker pools of a process, by what their work waits for, so that nothing slow makes a post late.

export const POOL_NAMES = ['conversions', 'fetches', 'sends', 'confirmations', 'chores'] as const;

export type PoolName = (typeof POOL_NAMES)[number];
