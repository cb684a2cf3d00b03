// What each plugin must fulfil, ours and those of others: `npm run test:plugin -- <folder>` runs it.
import { spawn } from 'node:child_process';
import { basename, join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import type { z } from 'zod';
import type { Manifest } from '../../src/context/context.ts';
import type { Job } from '../../src/jobs/job.ts';
import type { StepContext } from '../../src/jobs/run/step.ts';
import { STEP_NAMES } from '../../src/jobs/states.ts';
import { findManifestFaults } from '../../src/plugin-manifest.ts';
import { resolveForPlugins } from '../../src/plugin-resolver.ts';

const ALONE = join(import.meta.dirname, 'import-alone.ts');

/** A step's name → a job and a context for it; made anew for each test. */
export type StepCases = Record<string, () => { job: Job; context: StepContext }>;

/** The contract of the plugin in this folder. Steps without a case are not run. */
export function describePlugin(path: string, steps: StepCases = {}): void {
  const folder = resolve(path);
  const name = basename(folder);
  describe(`the plugin ${name}`, () => {
    let manifest: Manifest;
    before('is imported', async () => {
      resolveForPlugins([folder]);
      manifest = (await import(pathToFileURL(join(folder, 'plugin.ts')).href)).default;
    });

    it('exports a manifest without a fault, of its folder’s name, and tells of personal data', () => {
      expect(findManifestFaults(manifest, name)).to.deep.equal([]);
    });

    it('describes its settings, sources and routes in sentences', () => {
      const settings: [string, z.ZodType][] = Object.entries(manifest.settings ?? {});
      const fields = Object.values(manifest.sources ?? {}).flatMap(({ schema }) =>
        Object.entries(schema.shape as Record<string, z.ZodType>),
      );
      for (const [field, { description }] of [...settings, ...fields]) {
        expect(description, field).to.match(/^[A-Z0-9].*[.`]$/s);
      }
      for (const { path: route, summary } of manifest.api ?? []) {
        expect(summary, route).to.match(/^[A-Z].*\.$/s);
      }
    });

    it('does nothing by being imported', async () => {
      const child = spawn(process.execPath, [ALONE, folder], { timeout: 60_000 });
      const exited = new Promise((done) => child.once('exit', (code) => done(code)));
      const [printed, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
      expect(await exited, `exit code; ${errors}`).to.equal(0);
      expect(JSON.parse(printed)).to.deep.equal([]);
    });

    it('has no step that no state names', () => {
      const own = Object.keys(manifest.steps ?? {}).map((step) => `${name}.${step}`);
      expect(own.filter((step) => !(STEP_NAMES as string[]).includes(step))).to.deep.equal([]);
    });

    for (const [step, make] of Object.entries(steps)) {
      it(`runs its step ${step} a second time as if it were the first`, async () => {
        const { job, context } = make();
        const once = await manifest.steps?.[step]?.run(job, context);
        expect(once, `what ${step} returns`).not.to.equal(undefined);
        expect(await manifest.steps?.[step]?.run(job, context)).to.deep.equal(once);
      });
    }
  });
}
