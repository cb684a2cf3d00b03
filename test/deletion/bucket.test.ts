// Shows that no receipt is written while a bucket keeps what is removed from it.
import { expect } from 'chai';
import { createAccount } from '../../scripts/tiktok-sandbox/initial-state.ts';
import { type Sandbox, startSandbox } from '../../scripts/tiktok-sandbox/sandbox.ts';
import { executeDeletion } from '../../src/deletion/execute.ts';
import { requestDeletion } from '../../src/deletion/request.ts';
import { findDeletion } from '../../src/deletion/store.ts';
import { aCreator } from '../support/a-creator.ts';
import { aBucket } from '../support/bucket.ts';
import { anOwnContext } from '../support/context.ts';

const { signal } = new AbortController();

describe('a deletion with a bucket', () => {
  let sandbox: Sandbox;
  before(async () => {
    sandbox = await startSandbox();
  });
  after(() => sandbox?.close());

  it('waits while the bucket keeps old versions, also those of before', async () => {
    await using bucket = await aBucket();
    await using own = await anOwnContext({ tiktok_url: sandbox.url, env: bucket.env });
    const account = createAccount('versions', 'Somebody');
    sandbox.state.accounts.push(account);
    const { id: creatorId } = await aCreator(own.ctx, sandbox, account);
    const { id } = await requestDeletion(own.ctx, creatorId, 'self_service');
    for (const versioning of ['Enabled', 'Suspended'] as const) {
      bucket.versioning = versioning;
      const error = await executeDeletion(own.ctx, id, signal).catch((thrown) => thrown);
      expect(error?.message, versioning).to.contain('keeps old versions');
      expect(await findDeletion(own.ctx.db, id), versioning).to.include({ searched_at: null });
    }
    bucket.versioning = '';
    await executeDeletion(own.ctx, id, signal);
    expect(await findDeletion(own.ctx.db, id)).to.include({ traces: 0 });
  });
});
