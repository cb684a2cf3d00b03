// Shows what is read out of an email: names, ids and times.
import { expect } from 'chai';
import { findClues } from '../../../src/deletion-requests/account-matching/clues.ts';

const ID = '0192f0c4-1234-7abc-8def-0123456789ab';
const cluesOf = (details: string, more: { username?: string; profile_url?: string } = {}) =>
  findClues({ username: null, profile_url: null, usage: null, details, ...more });

describe('the clues of an email', () => {
  it('are the names in its fields, its links and its words, each once', () => {
    const url = 'https://www.tiktok.com/@by.link?lang=de';
    const { names } = cluesOf('I am @in_words. Not a@mail.example', {
      ...{ username: ' @In.Field ', profile_url: url },
    });
    expect(names).to.deep.equal(['In.Field', 'by.link', 'in_words']);
    expect(cluesOf('', { username: 'x', profile_url: '@x' }).names).to.deep.equal(['x']);
  });

  it('are the ids of accounts, jobs and posts, however they are written', () => {
    const { uuids, tokens, post_ids } = cluesOf(
      `job ${ID.toUpperCase()}, v_pub_file~v2-1.74123 and 7412345678901234567, not 12345`,
    );
    expect(uuids).to.deep.equal([ID]);
    expect(tokens).to.include('v_pub_file~v2-1.74123');
    expect(post_ids).to.deep.equal(['7412345678901234567']);
  });

  it('are its times, by their zone, and by UTC without one', () => {
    const { times } = cluesOf(
      '2025-03-04 06:10 +01:00, 2025-03-04T05:10:07Z, 2025-03-04 05:10 and 2025-13-44 05:10',
    );
    expect(times.map((time) => time.toISOString())).to.deep.equal([
      ...['2025-03-04T05:10:00.000Z', '2025-03-04T05:10:07.000Z', '2025-03-04T05:10:00.000Z'],
    ]);
  });

  it('are none of nothing, and not without end', () => {
    expect(Object.values(cluesOf('')).flat()).to.deep.equal([]);
    const many = Array.from({ length: 100 }, (_, n) => `@name${n}`).join(' ');
    expect(cluesOf(many).names).to.have.length(30);
  });
});
