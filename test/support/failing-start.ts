// A start of the appliance that is expected to fail: how it ended, and what it said.
import { end, spawnAppliance } from './appliance.ts';

export async function failingStart(
  env: Record<string, string>,
): Promise<{ code: unknown; printed: string }> {
  let printed = '';
  const child = spawnAppliance(env, (text) => {
    printed += text;
  });
  const code = await new Promise((done) => child.once('close', done));
  await end(child, 'SIGKILL');
  return { code, printed };
}
