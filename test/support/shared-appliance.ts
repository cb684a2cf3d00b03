// One appliance with the default configuration for all files that a process of mocha runs.
import { type Appliance, anAppliance } from './appliance.ts';
import { atEnd } from './at-end.ts';

/**
 * Without the means to stop it, and with no way to change its configuration. A file that uses it
 * names creators that no other file names, counts only their rows, and leaves the sandbox's
 * settings and faults as they are.
 */
export type SharedAppliance = Pick<
  Appliance,
  'url' | 'sandbox' | 'database_url' | 'data_dir' | 'db' | 'output'
> & {
  creator(username: string): ReturnType<Appliance['creator']>;
};

let shared: Promise<Appliance> | undefined;

/** Started for the first caller. It ends with mocha; in a parallel run, with the worker. */
export function sharedAppliance(): Promise<SharedAppliance> {
  shared ??= start();
  return shared;
}

async function start(): Promise<Appliance> {
  const app = await anAppliance();
  atEnd(async () => app[Symbol.asyncDispose]());
  return app;
}
