// Shows that the receipt states the same waiting time as the execution.
import { expect } from 'chai';
import { readConfig } from '../../src/base/config.ts';
import { toReceiptView } from '../../src/deletion/receipt.ts';
import type { Deletion } from '../../src/deletion/store.ts';
import { loadModules, settingSchemas } from '../../src/modules.ts';
import { declaredTables } from '../../src/privacy/eraser.ts';

describe('the receipt', () => {
  it('says for how long running posts are waited for: as long as the executor does', async () => {
    const modules = await loadModules();
    const config = readConfig(
      { TIKTOK_CLIENT_KEY: 'k', TIKTOK_CLIENT_SECRET: 's' },
      settingSchemas(modules),
    );
    const waiting = (jobsSeenThrough: number) => {
      const deletion = {
        ...{ id: 'aaaabbbb', receipt_token: 'x', requested_at: new Date(), quiet_at: null },
        ...{ erased_at: null, done_at: null, recorded_at: null, revocation: 'waiting', faults: 0 },
        ...{ traces: null, receipt: { jobs_seen_through: jobsSeenThrough } },
      } as unknown as Deletion;
      const { steps } = toReceiptView(deletion, declaredTables(modules), config);
      return steps.find(({ state }) => state === 'now')?.text;
    };
    expect(waiting(1)).to.equal(
      'Waiting for a post that TikTok has already, for at most about 6 minutes',
    );
    expect(waiting(2)).to.contain('2 posts').and.to.contain('6 minutes');
    expect(waiting(0)).to.equal('Waiting until running work has ended');
  });
});
