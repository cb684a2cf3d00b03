// Loads the plugins of a folder, and tells what is wrong with each in a sentence.
import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isFolder, SETTINGS } from './base/settings.ts';
import type { Manifest } from './context/context.ts';
import { findRunning } from './jobs/states.ts';
import { findManifestFaults } from './plugin-manifest.ts';
import { resolveForPlugins } from './plugin-resolver.ts';

export interface Loaded {
  manifests: Manifest[];
  faults: string[];
}

/** Makes `#plugin` known to the folder's plugins, and loads them in the order of their names. */
export async function loadOutsidePlugins(pluginsDir: string): Promise<Loaded> {
  const folder = resolve(pluginsDir);
  const own = listFolders(folder).map((name) => join(folder, name));
  resolveForPlugins([folder, ...own.filter(isFolder)]);
  return loadPlugins(folder);
}

export async function loadPlugins(folder: string): Promise<Loaded> {
  const loaded: Loaded = { manifests: [], faults: [] };
  for (const name of listFolders(folder)) {
    const { manifest, faults } = await loadPlugin(join(folder, name), name);
    if (manifest) loaded.manifests.push(manifest);
    loaded.faults.push(...faults.map((fault) => toFault(name, fault)));
  }
  return loaded;
}

/** Packages and what begins with a dot or an underscore are no plugins; files beside them neither. */
function listFolders(folder: string): string[] {
  return (
    readdirSync(folder)
      .filter((name) => name !== 'node_modules' && !/^[._]/.test(name))
      // A link that leads nowhere was meant to be one.
      .filter((name) => isFolder(join(folder, name)) || !existsSync(join(folder, name)))
      .sort()
  );
}

async function loadPlugin(
  folder: string,
  name: string,
): Promise<{ manifest?: Manifest; faults: string[] }> {
  const path = join(folder, 'plugin.ts');
  if (!existsSync(path)) return { faults: ['Expected a file plugin.ts in its folder, found none'] };
  try {
    const exported = (await import(pathToFileURL(path).href)).default;
    const faults = findManifestFaults(exported, name);
    return faults.length === 0 ? { manifest: exported, faults } : { faults };
  } catch (error) {
    return { faults: [`It cannot be imported: ${explainImport(error, folder)}`] };
  }
}

/** The error's first line, and where in the plugin it arose. */
function explainImport(error: unknown, folder: string): string {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  const place = (stack ?? '')
    .split(pathToFileURL(`${realpathSync(folder)}/`).href)[1]
    ?.match(/^\S+?:\d+/)?.[0];
  const reason = `${name}: ${message.split('\n')[0]?.replace(/\.$/, '')}`;
  return place ? `${reason} (${place})` : reason;
}

function toFault(name: string, fault: string): string {
  return `PLUGINS_DIR: plugin ${name}: ${fault}.`;
}

/** What a plugin has and a module before it, or the core, has already; and steps that nobody runs. */
export function findClashes(modules: Manifest[]): string[] {
  const taken = new Map(Object.keys(SETTINGS).map((name) => [`setting ${name}`, 'the core']));
  return modules.flatMap((module) => {
    const faults = listUniqueNames(module)
      .filter((name) => taken.has(name))
      .map((name) => `Expected no ${name}; ${taken.get(name)} has it already`);
    for (const name of listUniqueNames(module)) taken.set(name, module.name);
    const steps = Object.keys(module.steps ?? {}).map((step) => `${module.name}.${step}`);
    const idle = steps
      .filter((step) => !findRunning(step))
      .map((step) => `Expected no step ${step}; no state of a job names it`);
    return [...faults, ...idle].map((fault) => toFault(module.name, fault));
  });
}

/** What only one module may have, as words. */
function listUniqueNames(module: Manifest): string[] {
  return [
    `module of the name ${module.name}`,
    ...Object.keys(module.settings ?? {}).map((name) => `setting ${name}`),
    ...Object.keys(module.sources ?? {}).map((name) => `source ${name}`),
    ...Object.keys(module.readiness ?? {}).map((name) => `readiness check ${name}`),
    ...(module.metrics ?? []).map(({ name }) => `metric ${name}`),
    ...(module.inspect ? ['`inspect`'] : []),
  ];
}
