// Lists the modules: the core's, then plugins/*/plugin.ts, then those in PLUGINS_DIR.
import { join } from 'node:path';
import type { z } from 'zod';
import { access } from './access/module.ts';
import { account } from './account/module.ts';
import { adminOverview } from './admin-overview/module.ts';
import { ConfigFaults } from './base/config.ts';
import { connections } from './connections/module.ts';
import type { Chore, Manifest } from './context/context.ts';
import { listByName, type Named } from './context/hooks.ts';
import { continuityTables } from './continuity/tables.ts';
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
import { findClashes, loadOutsidePlugins, loadPlugins } from './plugin-loader.ts';
import { privacy } from './privacy/module.ts';
import { databaseTables, queueTables } from './queue/tables.ts';
import { billing } from './records/billing/module.ts';
import { requestLog } from './records/request-log/module.ts';
import { statistics } from './records/statistics/module.ts';
import { retention } from './retention/module.ts';

const BUILT_IN = join(import.meta.dirname, '../plugins');
const CORE: Manifest[] = [
  { name: 'database', personalData: databaseTables },
  { name: 'continuity', personalData: continuityTables },
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

/**
 * Loads all modules: a plugin that deletes or publishes must never be missing.
 * @throws ConfigFaults with a sentence for each plugin that does not load.
 */
export async function loadModules(pluginsDir?: string): Promise<Manifest[]> {
  const builtIn = await loadPlugins(BUILT_IN);
  const outside = pluginsDir ? await loadOutsidePlugins(pluginsDir) : null;
  const modules = [...CORE, ...builtIn.manifests, ...(outside?.manifests ?? [])];
  const faults = [...builtIn.faults, ...(outside?.faults ?? []), ...findClashes(modules)];
  if (faults.length > 0) throw new ConfigFaults(faults);
  return modules;
}

/** Returns env name → schema of the settings that modules declare. */
export function settingSchemas(modules: Manifest[]): Record<string, z.ZodType> {
  return Object.assign({}, ...modules.map((module) => module.settings ?? {}));
}

/** Returns `module.step` → the step and its module. */
export function listSteps(modules: Manifest[]): Map<string, Named<Step>> {
  return listByName(modules, ({ steps }) => steps);
}

/** Returns `module.chore` → the chore and its module. */
export function listChores(modules: Manifest[]): Map<string, Named<Chore>> {
  return listByName(modules, ({ chores }) => chores);
}
