import { join } from 'node:path';
import { expect } from 'chai';
import { sortLongestFirst, startsNoProcess, testFiles } from './test-files.ts';

const ROOT = join(import.meta.dirname, '../..');
const isUnit = (name: string) => startsNoProcess(join(ROOT, 'test', name));

describe('the files of tests', () => {
  it('are in the unit run when nothing that they import could start a process', () => {
    expect(isUnit('jobs/accept/free-time.test.ts')).to.equal(true);
    // By the broker, by an appliance behind two others, and by ffmpeg in the product itself.
    expect(isUnit('base/log.test.ts')).to.equal(false);
    expect(isUnit('retention/lock.test.ts')).to.equal(false);
    expect(isUnit('plugins/media/inspect.test.ts')).to.equal(false);
  });

  it('keep their number in the order that they run in', () => {
    const files = testFiles();
    expect(sortLongestFirst(files)).to.have.members(files);
  });
});
