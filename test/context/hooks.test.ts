// Shows that each module is asked, and that no fault is passed over.
import { expect } from 'chai';
import type { Knex } from 'knex';
import type { Context, Manifest } from '../../src/context/context.ts';
import { findFileUses, listNotices } from '../../src/context/hooks.ts';

const module = (name: string, more: Partial<Manifest> = {}): Manifest => ({
  ...{ name, personalData: { nothing: 'Nothing.' }, ...more },
});

describe('a question to all modules', () => {
  it('about stored files is asked of each that may use them, with the caller’s transaction', async () => {
    const trx = { isTheirs: true } as unknown as Knex;
    const asked: unknown[][] = [];
    const using = (storageKey: string, isWorking: boolean) => ({
      needsFiles: async (...given: [Knex, string[]]) => {
        asked.push(given);
        return [{ storage_key: storageKey, job_id: 'j', isWorking }];
      },
    });
    const modules = [module('a', using('k1', true)), module('b'), module('c', using('k2', false))];
    expect(await findFileUses(modules, trx, ['k1', 'k2'])).to.deep.equal([
      { storage_key: 'k1', job_id: 'j', isWorking: true },
      { storage_key: 'k2', job_id: 'j', isWorking: false },
    ]);
    const keys = ['k1', 'k2'];
    expect(asked).to.deep.equal([
      [trx, keys],
      [trx, keys],
    ]);
  });

  it('about files ends with the fault of one: nothing is taken for unused', async () => {
    const failing = module('b', { needsFiles: () => Promise.reject(new Error('broke')) });
    const asked = findFileUses([module('a'), failing], {} as Knex, ['k']);
    expect(await asked.catch((error) => error.message)).to.equal('broke');
  });

  it('about notices is answered for this creator, in the order of the modules', async () => {
    const saying = (...words: string[]) => ({
      notices: async (_ctx: Context, creatorId: string) =>
        words.map((word) => ({ template: word, view: { creatorId } })),
    });
    const modules = [module('a', saying('one', 'two')), module('b'), module('c', saying('three'))];
    const found = await listNotices({ modules } as unknown as Context, 'creator-1');
    expect(found.map(({ template }) => template)).to.deep.equal(['one', 'two', 'three']);
    expect(found[2]?.view).to.deep.equal({ creatorId: 'creator-1' });
  });
});
