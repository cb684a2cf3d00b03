// The publish plugin: sends what is ready, and confirms what was sent.
import type { Manifest } from '#plugin';
import { confirm } from './confirm.ts';
import { send } from './send.ts';

export default {
  name: 'publish',
  steps: { send: { run: send }, confirm: { run: confirm } },
  personalData: { nothing: 'It works on the ledger and the jobs, which the core declares.' },
} satisfies Manifest;
