// Lists the modules: the core's, then plugins/*/plugin.ts, then those in PLUGINS_DIR.
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { z } from 'zod';
import { access } from './access/module.ts';
import { account } from './account/module.ts';
import { adminOverview } from './admin-overview/module.ts';
import { connections } from './connections/module.ts';
import type { Chore, Manifest } from './context/context.ts';
import { creators } from './creators/module.ts';
import { deletions } from './deletion/module.ts';
import { deletionRequests } from './deletion-requests/module.ts';
import { domains } from './domains/module.ts';
import { events } from './events/module.ts';
import { hosted } from './hosted-api/module.ts';
import { photoLinks } from './jobs/attempts/module.ts';
import { jobs } from './jobs/module.ts';
import type { Step } from './jobs/run/step.ts';
import { storedMedia } from './media/module.ts';
import { uploads } from './media/tus/module.ts';
import { operators } from './operators/module.ts';
import { privacy } from './privacy/module.ts';
import { databaseTables, queueTables } from './queue/tables.ts';
import { billing } from './records/billing/module.ts';
import { requestLog } from './records/request-log/module.ts';
import { statistics } from './records/statistics/module.ts';
import { retention } from './retention/module.ts';

const BUILT_IN = join(import.meta.dirname, '../plugins');
const CORE: Manifest[] = [
  { name: 'database', personalData: databaseTables },
  // Before the queue: an erasure takes what is owed first, so that no run adds itself once more.
  events,
  { name: 'queue', personalData: queueTables },
  creators,
  access,
  storedMedia,
  domains,
  uploads,
  jobs,
  hosted,
  photoLinks,
  account,
  deletions,
  deletionRequests,
  connections,
  adminOverview,
  operators,
  statistics,
  requestLog,
  billing,
  retention,
  privacy,
];

/** Loads all modules. Throws if one does not load: a plugin that deletes must never be missing. */
export async function loadModules(pluginsDir?: string): Promise<Manifest[]> {
  const folders = [BUILT_IN, ...(pluginsDir ? [resolve(pluginsDir)] : [])];
  const plugins: Manifest[] = [];
  for (const folder of folders) {
    for (const name of readdirSync(folder).sort()) {
      const path = join(folder, name, 'plugin.ts');
      if (!existsSync(path)) continue;
      const manifest = (await import(pathToFileURL(path).href)).default as Manifest;
      if (manifest?.name !== name) {
        throw new Error(`Expected plugin ${name} to export a manifest of that name by default`);
      }
      plugins.push(manifest);
    }
  }
  return [...CORE, ...plugins];
}

/** Returns env name → schema of the settings that modules declare. */
export function settingSchemas(modules: Manifest[]): Record<string, z.ZodType> {
  return Object.assign({}, ...modules.map((module) => module.settings ?? {}));
}

/** Returns `module.step` → the step. */
export function listSteps(modules: Manifest[]): Map<string, { step: Step; module: Manifest }> {
  return new Map(
    modules.flatMap((module) =>
      Object.entries(module.steps ?? {}).map(
        ([name, step]) => [`${module.name}.${name}`, { step, module }] as const,
      ),
    ),
  );
}

/** Returns `module.chore` → the chore. */
export function listChores(modules: Manifest[]): Map<string, Chore> {
  return new Map(
    modules.flatMap((module) =>
      Object.entries(module.chores ?? {}).map(
        ([name, chore]) => [`${module.name}.${name}`, chore] as const,
      ),
    ),
  );
}
