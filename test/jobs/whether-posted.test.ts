// Shows which sentence a post gets that TikTok gave no end of, and that one file alone says it.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { JobError } from '../../src/jobs/job.ts';
import { describeFailure, describeUnconfirmed } from '../../src/jobs/whether-posted.ts';
import { ROOT } from '../support/appliance.ts';

const error: JobError = { code: 'unavailable', message: 'TikTok is away.', tiktok: null };

describe('the sentence about a post whose end is not known', () => {
  it('says that nothing was posted only where no attempt has the mark', () => {
    expect(describeFailure(error, false).message).to.contain('Nothing was posted.');
    expect(describeFailure(error, true).message).to.equal('TikTok is away.');
  });

  it('sends the creator to the profile once the mark is set, and keeps the code', () => {
    for (const code of ['unavailable', 'creator_disconnected', 'internal_error'] as const) {
      const told = describeUnconfirmed({ ...error, code, message: 'Nothing was posted.' });
      expect(told.message).to.contain('It may be on your profile');
      expect(told.message).to.not.match(/nothing/i);
      expect(told.code).to.equal(code);
    }
  });

  it('stands in one file', () => {
    const files = ['src', 'plugins', 'templates'].flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true })
        .map((name) => join(folder, String(name)))
        .filter((name) => /\.(ts|eta)$/.test(name)),
    );
    const saying = files.filter((name) =>
      // A post that is not accepted yet is “not posted yet”; comments say what they like.
      /^(?!\s*(\/\/|\*|\/\*\*)).*nothing (was|is) posted(?! yet| without| twice| that)/im.test(
        readFileSync(join(ROOT, name), 'utf8'),
      ),
    );
    expect(saying).to.deep.equal(['src/jobs/whether-posted.ts']);
  });
});
