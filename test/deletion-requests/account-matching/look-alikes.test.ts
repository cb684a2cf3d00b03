// Shows which usernames a hurried reader may confuse.
import { expect } from 'chai';
import { areLookAlikes } from '../../../src/deletion-requests/account-matching/look-alikes.ts';

describe('two usernames', () => {
  for (const [why, one, other] of [
    ['dots and underscores', 'maria_lopez', 'maria.lopez'],
    ['a digit for a letter', 'maria_lopez', 'mar1a_l0pez'],
    ['another alphabet', 'maria_lopez', 'mаria_lopez'],
    ['an accent', 'maria_lopez', 'maría_lopez'],
    ['a pair that looks like a letter', 'mario', 'rnario'],
    ['a letter more', 'maria_lopez', 'maria_lopezz'],
    ['a letter fewer', 'maria_lopez', 'maria_lpez'],
    ['another letter', 'maria_lopez', 'maria_lopes'],
    ['two letters swapped', 'maria_lopez', 'maria_olpez'],
  ] as const) {
    it(`look alike by ${why}, from either side`, () => {
      expect(areLookAlikes(one, other)).to.equal(true);
      expect(areLookAlikes(other, one)).to.equal(true);
    });
  }

  it('are no look-alikes when they are the same, far apart, or short', () => {
    expect(areLookAlikes('Maria', 'maria')).to.equal(false);
    expect(areLookAlikes('maria_lopez', 'mario_gonzales')).to.equal(false);
    expect(areLookAlikes('maria_lopez', 'maria_lopezxx')).to.equal(false);
    expect(areLookAlikes('ann', 'amn'), 'one slip of three letters says nothing').to.equal(false);
  });
});
