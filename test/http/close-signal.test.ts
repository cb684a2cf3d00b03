// Shows when the signal of a request aborts.
import { expect } from 'chai';
import { closeSignal } from '../../src/http/close-signal.ts';
import { aBareContext, serve } from '../support/served.ts';

describe('the signal of a request', () => {
  it('aborts when the client goes, and not when the answer was sent whole', async () => {
    const signals: Record<string, AbortSignal> = {};
    let goes = (_value: unknown) => {};
    const arrived = new Promise((done) => {
      goes = done;
    });
    const closed: Promise<unknown>[] = [];
    await using served = await serve(aBareContext(), (router) => {
      router.get('/:name', async (koa) => {
        const { name } = koa['params'] as { name: string };
        const signal = closeSignal(koa);
        signals[name] = signal;
        closed.push(new Promise((done) => koa.res.once('close', done)));
        koa.body = 'whole';
        if (name !== 'waits') return;
        goes(name);
        await new Promise((done) => signal.addEventListener('abort', done));
      });
    });
    await (await fetch(`${served.url}/whole`)).text();
    const leaving = new AbortController();
    const asked = fetch(`${served.url}/waits`, { signal: leaving.signal }).catch(() => 'gone');
    await arrived;
    leaving.abort();
    expect(await asked).to.equal('gone');
    await Promise.all(closed);
    expect(signals['waits']?.aborted).to.equal(true);
    expect(signals['waits']?.reason).to.have.property('name', 'AbortError');
    expect(signals['whole']?.aborted).to.equal(false);
  });
});
