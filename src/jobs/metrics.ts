// The metrics of jobs: how many are in each state, and how late the latest is.
import type { Metric } from '../context/context.ts';
import { ALL_STATES } from './states.ts';
import { countByState, measureOverdue } from './stats.ts';

export const jobMetrics: Metric[] = [
  {
    name: 'pm3k_jobs',
    help: 'Jobs by state',
    labelNames: ['state'],
    async collect({ db }) {
      const counts = await countByState(db);
      return ALL_STATES.map((state) => ({ labels: { state }, value: counts.get(state) ?? 0 }));
    },
  },
  {
    name: 'pm3k_jobs_overdue_seconds',
    help: 'By how many seconds the most overdue job that is ready to be sent is late',
    async collect({ db }) {
      return [{ value: await measureOverdue(db) }];
    },
  },
];
