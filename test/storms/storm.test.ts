// A short storm: everything that `npm run storm` does at length, once or a few times.
import { expect } from 'chai';
import { writeReport } from '../../scripts/storm/report.ts';
import { runStorm } from '../../scripts/storm/run.ts';
import { holdProcess, releaseProcess } from '../support/broker-client.ts';

/** Lets the broker end it when mocha is killed. */
function hold(pid: number): () => void {
  const held = holdProcess(pid);
  return () => void held.then(() => releaseProcess(pid));
}

describe('a short storm', () => {
  it('doubles, loses and holds up no post, and leaves nothing of who was deleted', async () => {
    const options = {
      ...{ jobs: 30, kills: 3, faults: 15, seed: 1 },
      ...{ hasDefaultIntervals: false, storage: 'disk' as const },
      ...{ shiftsClock: true, fillsDisk: false },
    };
    const report = await runStorm(options, { hold });
    expect(report.breaks, writeReport(report, options)).to.deep.equal([]);
    // The storm came about: accepted posts, every planned kill, a deletion.
    expect(report.truths.filter(({ order }) => order.jobId)).to.have.length.greaterThan(20);
    const kills = report.scene.occurrences.filter(({ kind }) => kind === 'kill');
    expect(kills).to.have.length(3);
    expect(report.creators.filter(({ hasLeft }) => hasLeft)).to.have.length(1);
  }).timeout(400_000);
});
