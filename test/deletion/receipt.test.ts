// Shows that the receipt states the same times as the execution, and what is still to end.
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
        ...{ traces: null, rewrite_tables: [], receipt: { jobs_seen_through: jobsSeenThrough } },
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

  it('says until when the database still holds something, where it does', async () => {
    const modules = await loadModules();
    const config = readConfig(
      { TIKTOK_CLIENT_KEY: 'k', TIKTOK_CLIENT_SECRET: 's' },
      settingSchemas(modules),
    );
    const day = new Date('2026-12-01T03:00:00Z');
    const endsOf = (more: object, receipt: object) => {
      const done = new Date('2026-11-20T12:00:00Z');
      const deletion = {
        ...{ id: 'aaaabbbb', receipt_token: 'x', requested_at: done, quiet_at: done, traces: 0 },
        ...{ erased_at: done, searched_at: done, done_at: done, recorded_at: done, faults: 0 },
        ...{ revocation: 'revoked', rewrite_tables: [], rewrite_at: null, receipt, ...more },
      } as unknown as Deletion;
      const { ends } = toReceiptView(deletion, declaredTables(modules), config);
      return ends.map(({ what, at }) => `${what}: ${at.toISOString().slice(0, 10)}`);
    };
    const log = 'What the database server’s own log still holds is gone: 2026-12-20';
    const large = 'What the files of large tables still hold is gone: 2026-12-01';
    expect(endsOf({}, { is_log_kept: false })).not.to.include.members([log, large]);
    expect(endsOf({}, { is_log_kept: true })).to.include(log);
    expect(endsOf({ rewrite_tables: ['jobs'], rewrite_at: day }, {})).to.include(large);
  });
});
