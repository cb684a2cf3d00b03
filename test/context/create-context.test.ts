// Shows that the context needs a module that inspects, and how it asks it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { z } from 'zod';
import { readConfig } from '../../src/base/config.ts';
import { createLog } from '../../src/base/log.ts';
import { TIMING } from '../../src/base/timing.ts';
import type { Manifest } from '../../src/context/context.ts';
import { createContext, readModuleSettings } from '../../src/context/create-context.ts';

const connection = { connectionString: 'postgres://nobody@127.0.0.1:9/none' };

describe('the context', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'pm3k-context-'));
  after(() => rmSync(dataDir, { recursive: true, force: true }));

  const settings = { THING_LIMIT: z.coerce.number().default(5).describe('How many things.') };
  const config = readConfig(
    {
      ...{ DATABASE_URL: connection.connectionString, DATA_DIR: dataDir, THING_LIMIT: '7' },
      ...{ TIKTOK_CLIENT_KEY: 'a', TIKTOK_CLIENT_SECRET: 'b' },
      APP_SECRET: Buffer.alloc(32, 7).toString('base64'),
    },
    settings,
  );
  const of = (...modules: Manifest[]) => ({
    ...{ config, modules, connection, log: createLog('silent'), scratch: dataDir, timing: TIMING },
  });
  const plain: Manifest = { name: 'plain', personalData: { nothing: 'Nothing.' } };

  it('is refused where no module inspects uploads', () => {
    expect(() => createContext(of(plain))).to.throw('Expected a module that inspects uploads');
  });

  it('has a file inspected by the module that does, with its own settings and the signal', async () => {
    const asked: unknown[] = [];
    const inspecting: Manifest = {
      ...{ ...plain, name: 'inspecting', settings },
      async inspect(path, context) {
        asked.push(path, context.signal, context.settings);
        return 'seen' as never;
      },
    };
    const ctx = createContext(of(plain, inspecting));
    const { signal } = new AbortController();
    expect(await ctx.inspect('/file', signal)).to.equal('seen');
    expect(asked).to.deep.equal(['/file', signal, { THING_LIMIT: 7 }]);
    expect(readModuleSettings(config, plain)).to.deep.equal({});
    await ctx.db.destroy();
  });
});
