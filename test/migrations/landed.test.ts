// Landed migrations are never edited, and the script that keeps their hashes refuses to forget it.
import { expect } from 'chai';
import { hashMigrations, listEdited, readLanded } from '../../scripts/landed-migrations.ts';

describe('landed migrations', () => {
  it('are as they landed', () => {
    expect(listEdited(readLanded(), hashMigrations())).to.deep.equal([]);
  });

  it('are all listed', () => {
    const names = Object.keys(hashMigrations());
    expect(Object.keys(readLanded()), 'run npm run schema').to.deep.equal(names);
  });

  it('are told apart from edited and removed ones by a sentence that says what to do', () => {
    const landed = { '0001_a.ts': 'one', '0002_b.ts': 'two', '0003_c.ts': 'three' };
    const [edited, removed, ...more] = listEdited(landed, {
      ...{ '0001_a.ts': 'one', '0002_b.ts': 'other', '0004_d.ts': 'new' },
    });
    expect(edited).to.contain('migrations/0002_b.ts was edited').and.contain('new migration');
    expect(removed).to.contain('migrations/0003_c.ts was removed');
    expect(more).to.deep.equal([]);
  });
});
