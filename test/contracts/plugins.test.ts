import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Job, StepContext } from '../../src/plugin.ts';
import { ROOT } from '../support/appliance.ts';
import { describePlugin, type StepCases } from './plugin.ts';

const STEPS: Record<string, StepCases> = {
  media: {
    fetch() {
      const stored = new Set(['kept']);
      const job = { kind: 'photo' } as Job;
      const photos = [
        { position: 0, source_key: 'kept', source: 'pm3k_storage', source_request: null },
        { position: 1, source_key: null as string | null, source: 'url', source_request: {} },
      ];
      const context = {
        storage: { has: async (key: string) => stored.has(key) },
        photos: async () => photos,
        isFetched: ({ source }: { source: string }) => source === 'url',
        async savePhoto({ position, source_key }: { position: number; source_key: string }) {
          Object.assign(photos[position] as object, { source_key });
        },
        checkpoint() {},
        progress() {},
        findHash: async (key: string) => `hash of ${key}`,
        async fetchSource() {
          stored.add('copy');
          return { storage_key: 'copy' };
        },
      } as unknown as StepContext;
      return { job, context };
    },
  },
};

const PLUGINS = join(ROOT, 'plugins');
for (const entry of readdirSync(PLUGINS, { withFileTypes: true })) {
  if (entry.isDirectory()) describePlugin(join(PLUGINS, entry.name), STEPS[entry.name]);
}
