// Shows which files are served for the pages, and that no other is.
import { expect } from 'chai';
import { addStatic } from '../../src/http/static.ts';
import { aBareContext, type Served, serve } from '../support/served.ts';

describe('a static file', () => {
  let served: Served;
  before(async () => {
    const ctx = aBareContext();
    served = await serve(ctx, (router) => addStatic(router, ctx));
  });
  after(() => served?.[Symbol.asyncDispose]());

  it('is one of ours, or what npm ships, and may be kept for five minutes', async () => {
    for (const [name, type] of [
      ['style.css', 'text/css'],
      ['htmx.min.js', 'javascript'],
      ['tus.min.js', 'javascript'],
      ['swagger-ui.css', 'text/css'],
      ['swagger-ui-bundle.js', 'javascript'],
    ] as const) {
      const answer = await fetch(`${served.url}/static/${name}`);
      expect(answer.status, name).to.equal(200);
      expect(answer.headers.get('content-type'), name).to.contain(type);
      expect(answer.headers.get('cache-control')).to.equal('public, max-age=300');
      await answer.body?.cancel();
    }
  });

  it('is none outside their folder, hidden, or not there', async () => {
    for (const name of ['..%2f..%2fpackage.json', '.env', '%2e%2e', 'a%00', 'nothing.css']) {
      const answer = await fetch(`${served.url}/static/${name}`);
      expect(answer.status, name).to.equal(404);
      await answer.body?.cancel();
    }
  });
});
