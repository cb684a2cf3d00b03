// Makes `#plugin` and the product's packages known to plugins that lie outside its folder.
import { realpathSync } from 'node:fs';
import { type ResolveFnOutput, type ResolveHookSync, registerHooks } from 'node:module';
import { join, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const DOOR = pathToFileURL(join(import.meta.dirname, 'plugin.ts')).href;

/**
 * From now on, in this process: `#plugin` leads to `src/plugin.ts` from any folder; a package that a
 * plugin lacks is taken from the product; a plugin's `.ts` files are ES modules, whatever the nearest
 * package.json says. `folders`: those of the plugins, which may be links to elsewhere.
 */
export function resolveForPlugins(folders: string[]): void {
  const roots = folders.map((folder) => realpathSync(folder) + sep);
  const isOfPlugin = (url: string | undefined) => {
    if (!url?.startsWith('file:')) return false;
    const path = fileURLToPath(url);
    return roots.some((root) => path.startsWith(root));
  };
  registerHooks({
    resolve(specifier, context, nextResolve) {
      if (specifier === '#plugin') return nextResolve(DOOR, context);
      const resolve = isOfPlugin(context.parentURL) ? resolveOrBorrow : nextResolve;
      const found = resolve(specifier, context, nextResolve);
      return isOfPlugin(found.url) ? asModule(found) : found;
    },
  });
}

/** The plugin's own package first, so that it may bring another version. */
const resolveOrBorrow: ResolveHookSync = (specifier, context, nextResolve) => {
  try {
    return nextResolve(specifier, context);
  } catch (error) {
    if (!isPackage(specifier) || !isNotFound(error)) throw error;
    try {
      return nextResolve(specifier, { ...context, parentURL: DOOR });
    } catch {
      // The first error names the plugin's file.
      throw error;
    }
  }
};

/** TypeScript below a package.json of type commonjs would otherwise not be allowed to import. */
function asModule(found: ResolveFnOutput): ResolveFnOutput {
  return found.url.endsWith('.ts') ? { ...found, format: 'module-typescript' } : found;
}

function isPackage(specifier: string): boolean {
  return /^[^./#]/.test(specifier) && !specifier.includes(':');
}

function isNotFound(error: unknown): boolean {
  return /MODULE_NOT_FOUND$/.test((error as NodeJS.ErrnoException).code ?? '');
}
