// The link to the running version's source, which the licence asks for, at the foot of the pages.
import { expect } from 'chai';
import { createApp } from '../../src/app.ts';
import { loadModules } from '../../src/modules.ts';
import { anOwnContext } from '../support/context.ts';
import { listenTo } from '../support/served.ts';

/** `/` has the landing page, `/nowhere` the page of a problem, `/admin/sign-in` one of the operators'. */
const PAGES = ['/', '/nowhere', '/privacy', '/admin/sign-in'];

async function readPages(sourceUrl: string | undefined): Promise<string[]> {
  await using own = await anOwnContext({ env: sourceUrl ? { SOURCE_URL: sourceUrl } : {} });
  await using served = await listenTo(createApp(own.ctx, await loadModules()));
  const read = async (path: string) =>
    (await fetch(`${served.url}${path}`, { headers: { accept: 'text/html' } })).text();
  return await Promise.all(PAGES.map(read));
}

describe('the link to the source', () => {
  it('stands at the foot of every page where SOURCE_URL is set', async () => {
    const address = 'https://git.example/pm3k/tree/v1?a=1&b="2"';
    for (const [index, html] of (await readPages(address)).entries()) {
      const [foot = ''] = /<footer>.*<\/footer>/.exec(html) ?? [];
      expect(foot, PAGES[index]).to.contain(
        '<a href="https://git.example/pm3k/tree/v1?a=1&amp;b=&quot;2&quot;">Source</a>',
      );
    }
  });

  it('stands nowhere where it is not', async () => {
    for (const [index, html] of (await readPages(undefined)).entries()) {
      expect(html, PAGES[index]).to.contain('</footer>').and.not.to.contain('>Source</a>');
    }
  });
});
