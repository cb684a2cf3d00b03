// Shows that the storm's parts do what its judgement rests on.
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { createChance } from '../../scripts/storm/chance.ts';
import { sortLatencies } from '../../scripts/storm/latency.ts';
import { openLine } from '../../scripts/storm/line.ts';
import { chooseTiming, parseOptions, writeCommand } from '../../scripts/storm/options.ts';
import { planTroubles } from '../../scripts/storm/plan.ts';
import { TIMING } from '../../src/base/timing.ts';
import { pathFor } from '../support/videos.ts';

describe('the options of a storm', () => {
  it('are written as the command that gives them again', () => {
    const options = parseOptions(['--jobs', '7', '--seed', '5', '--no-clocks', '--storage', 's3']);
    expect(options).to.include({ jobs: 7, seed: 5, shiftsClock: false, storage: 's3' });
    const [, flags = ''] = writeCommand(options).split(' -- ');
    expect(parseOptions(flags.split(' '))).to.deep.equal(options);
  });

  it('are refused when they are not known or not numbers', () => {
    for (const args of [['--jobs', 'x'], ['--jobs', '0'], ['--storage', 'tape'], ['--hail']]) {
      expect(() => parseOptions(args), args.join(' ')).to.throw('Usage');
    }
  });

  it('divide every interval by five, in the same order', () => {
    const timing = chooseTiming(parseOptions([]));
    expect(timing.silentMs).to.equal(TIMING.silentMs / 5);
    expect(timing.queuePollMs).to.equal(TIMING.queuePollMs / 5);
    expect(timing.reapCron).to.match(/^\*(\/\d)? \* \* \* \* \*$/);
    expect(chooseTiming(parseOptions(['--defaults']))).to.equal(TIMING);
  });
});

describe('the plan of a storm', () => {
  const plan = (seed: number, canFill = true) =>
    planTroubles({ ...parseOptions(['--kills', '50']), seed }, createChance(seed), {
      timing: TIMING,
      canFill,
    });

  it('is the same for the same seed, and another for another', () => {
    expect(plan(3)).to.deep.equal(plan(3));
    expect(plan(3)).not.to.deep.equal(plan(4));
  });

  it('has as many kills as asked, and each other trouble that is possible', () => {
    const kinds = plan(3, false).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'kill')).to.have.length(50);
    const others = ['kill', 'stop', 'cut', 'swallow', 'crash_database'];
    expect([...new Set(kinds)]).to.have.members(others);
    expect(plan(3).map(({ kind }) => kind)).to.include('full_disk');
  });
});

describe('a line to the database', () => {
  /** A server that says back what it hears. */
  async function scene() {
    const path = pathFor(`line-${process.pid}-${Math.random()}`);
    const ends: Socket[] = [];
    const server = createServer((socket) => {
      ends.push(socket);
      socket.on('error', () => {}).pipe(socket);
    });
    await new Promise<void>((done) => server.listen(path, done));
    const line = await openLine({ socketPath: path });
    const dial = async () => {
      const socket = connect(line.port, '127.0.0.1').on('error', () => {});
      await once(socket, 'connect');
      return socket;
    };
    const close = async () => {
      await line[Symbol.asyncDispose]();
      for (const each of ends) each.destroy();
      await new Promise((done) => server.close(done));
    };
    return { line, dial, ends, close };
  }

  async function says(socket: Socket, word: string): Promise<string> {
    socket.write(word);
    const [bytes] = await once(socket, 'data');
    return String(bytes);
  }

  /** `once` would reject for the error of a reset. */
  const waitForClose = (socket: Socket) => new Promise((done) => socket.once('close', done));

  it('carries, resets when it is cut, and carries again', async () => {
    const { line, dial, close } = await scene();
    const socket = await dial();
    expect(await says(socket, 'before')).to.equal('before');
    const broken = waitForClose(socket);
    line.cut();
    await broken;
    await waitForClose(connect(line.port, '127.0.0.1').on('error', () => {}));
    line.restore();
    const again = await dial();
    expect(await says(again, 'after')).to.equal('after');
    again.destroy();
    await close();
  });

  it('swallows what the present connections carry, and serves new ones', async () => {
    const { line, dial, ends, close } = await scene();
    const old = await dial();
    expect(await says(old, 'heard')).to.equal('heard');
    let heard = 0;
    old.on('data', () => {
      heard += 1;
    });
    line.swallow(true);
    old.write('lost');
    const fresh = await dial();
    // What is said on the new one comes back after what was said on the old one had its chance.
    expect(await says(fresh, 'new')).to.equal('new');
    await sleep(0);
    expect(heard).to.equal(0);
    expect([old.destroyed, ends[0]?.destroyed]).to.deep.equal([false, false]);
    old.destroy();
    fresh.destroy();
    await close();
  });
});

describe('what was measured after kills', () => {
  it('is told apart by what else happened at that time', () => {
    const taken = [
      { killed: 'worker-1', at: 10_000, ms: 3_000 },
      { killed: 'worker-1', at: 100_000, ms: 4_000 },
      { killed: 'worker-2', at: 200_000, ms: null },
    ];
    const occurrences = [
      { kind: 'cut' as const, member: null, from: 101_000, to: 102_000 },
      { kind: 'stop' as const, member: 'worker-1', from: 199_000, to: 205_000 },
      { kind: 'kill' as const, member: 'web', from: 11_000, to: 12_000 },
    ];
    expect(sortLatencies(taken, occurrences, 1_000)).to.deep.equal({
      clear: { count: 1, p50: 3_000, max: 3_000, never: 0 },
      near_database: { count: 1, p50: 4_000, max: 4_000, never: 0 },
      without_second_worker: { count: 1, p50: 0, max: 0, never: 1 },
    });
  });
});
