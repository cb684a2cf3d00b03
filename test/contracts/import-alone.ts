// Imports one plugin in a process of its own and prints what that changed; it must then end by itself.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { resolveForPlugins } from '../../src/plugin-resolver.ts';
import '../../src/plugin.ts';

/** What an import must leave as it is: globals, listeners, environment, and what keeps a process alive. */
function snapshot(): string[] {
  return [
    ...Object.getOwnPropertyNames(globalThis).map((name) => `global ${name}`),
    ...process.eventNames().map((name) => {
      return `listeners of ${String(name)}: ${process.listenerCount(name as 'exit')}`;
    }),
    ...Object.entries(process.env).map(([name, value]) => `environment ${name}=${value}`),
    // A read of a file ends by itself; the loader has some under way.
    ...process
      .getActiveResourcesInfo()
      .filter((kind) => kind !== 'FSReqCallback')
      .map((kind) => `resource ${kind}`),
    `folder ${process.cwd()}`,
  ];
}

const folder = process.argv[2] as string;
resolveForPlugins([folder]);
const before = new Set(snapshot());
await import(pathToFileURL(join(folder, 'plugin.ts')).href);
const changed = snapshot().filter((each) => !before.has(each));
process.stdout.write(JSON.stringify(changed));
