// Shows that the legal pages say what the declarations and settings say.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { TableDeclaration } from '../../src/base/declaration.ts';
import { loadModules } from '../../src/modules.ts';
import type { Manifest } from '../../src/plugin.ts';
import { declaredTables } from '../../src/privacy/eraser.ts';
import { fingerprint } from '../../src/privacy/fingerprint.ts';
import { UPDATED } from '../../src/privacy/updated.ts';
import { type Appliance, anAppliance, ROOT } from '../support/appliance.ts';

const PAGES = ['/data-deletion', '/privacy', '/terms'];

/** Returns what a reader sees: the text without tags, and entities as letters. */
function wordsOf(html: string): string {
  const main = /<main[\s\S]*<\/main>/.exec(html)?.[0] ?? '';
  return main
    .replaceAll(/<[^>]+>/g, ' ')
    .replaceAll('&amp;', '&')
    .replaceAll('&#39;', "'")
    .replaceAll(/\s+/g, ' ');
}

function sourceFiles(): string[] {
  return globSync('src/**/*.ts', { cwd: ROOT }).map((file) =>
    readFileSync(join(ROOT, file), 'utf8'),
  );
}

describe('the legal pages', () => {
  let app: Appliance;
  let modules: Manifest[];
  const pages: Record<string, { html: string; words: string }> = {};
  before(async () => {
    modules = await loadModules();
    app = await anAppliance({
      OPERATOR_NAME: 'Studio <Nord> & Söhne',
      OPERATOR_EMAIL: 'privacy@nord.example',
      OPERATOR_ADDRESS: 'Hafenstraße 1, Kiel',
      OPERATOR_DPO: 'Dr. Data, dpo@nord.example',
      OPERATOR_AUTHORITY: 'ULD Schleswig-Holstein',
      REQUEST_RETENTION_DAYS: '411',
      LOG_RETENTION_DAYS: '42',
      BACKUP_DAYS: '17',
      DISCONNECTED_DAYS: '13',
      JOB_HISTORY_DAYS: '99',
      INACTIVE_DAYS: '555',
      STATISTICS_MIN_CREATORS: '8',
      PLAN_FREE_MEDIA_DAYS: '6',
      TIKTOK_SITE_VERIFICATION: 'tiktokAbc123.txt=tiktok-developers-site-verification=Xy=z',
    });
    for (const path of PAGES) {
      const answer = await fetch(app.url + path, { headers: { accept: 'text/html' } });
      expect(answer.status, path).to.equal(200);
      const html = await answer.text();
      pages[path] = { html, words: wordsOf(html) };
    }
  });
  after(() => app[Symbol.asyncDispose]());

  const words = (path: string) => pages[path]?.words ?? '';

  it('name the operator and how to reach it, on each of them', () => {
    for (const path of PAGES) {
      expect(pages[path]?.html).to.contain('Studio &lt;Nord&gt; &amp; Söhne');
      expect(words(path)).to.contain('Hafenstraße 1, Kiel').and.contain('privacy@nord.example');
      expect(words(path)).to.not.match(/undefined|null|NaN|\[object/);
    }
  });

  it('say every term in days and leave no setting’s name', () => {
    expect(words('/privacy')).to.contain('411 days after').and.contain('42 days');
    expect(words('/privacy')).to.contain('at least 8 people').and.contain('expire after 17 days');
    expect(words('/data-deletion')).to.contain('taken back: after 13 days');
    expect(words('/data-deletion')).to.contain('Ended posts: after 99 days');
    expect(words('/data-deletion')).to.contain('without any use: after 555 days');
    expect(words('/data-deletion')).to.contain('6 days on the free plan');
    for (const path of PAGES) expect(words(path)).to.not.match(/[A-Z]{3,}_[A-Z]/);
  });

  it('show every declared table in words, with purpose, basis, recipients and term', () => {
    for (const [table, declaration] of Object.entries(declaredTables(modules))) {
      const { called, about, columns, purpose, legalBasis } = declaration;
      for (const path of ['/privacy', '/data-deletion']) {
        const text = about === 'nobody' ? words(path).toLowerCase() : words(path);
        const name = about === 'nobody' ? called.toLowerCase() : called;
        expect(text, `${table} on ${path}`).to.contain(name);
        if (about === 'nobody') continue;
        for (const said of [purpose, legalBasis, ...Object.values(columns)]) {
          if (!/[A-Z]{3,}_/.test(said)) expect(text, table).to.contain(said);
        }
      }
    }
  });

  it('give the reason for everything that outlives a deletion', () => {
    for (const { called, about, owner } of Object.values(declaredTables(modules))) {
      if (!('keep' in owner) || about === 'nobody' || about === 'operators') continue;
      for (const path of ['/privacy', '/data-deletion']) {
        const reason = owner.keep.replace('STATISTICS_MIN_CREATORS', '8');
        expect(words(path)).to.contain(`${called} . ${reason}`);
      }
    }
  });

  it('inform as Article 13 asks', () => {
    for (const said of [
      ...['The controller', 'Dr. Data', 'Art. 6(1)(b)', 'legitimate interest', 'Who receives it'],
      ...['Access and portability', 'Rectification', 'Erasure', 'Restriction', 'Objection'],
      ...['Withdrawal', 'complain', 'ULD Schleswig-Holstein', 'No automated decisions'],
      ...['Nobody has to connect', 'countries outside your own', 'Cookies'],
    ]) {
      expect(words('/privacy')).to.contain(said);
    }
  });

  it('list every cookie that there is, and how long each lasts', () => {
    const names = sourceFiles()
      .flatMap((text) => [...text.matchAll(/(?:cookie: |COOKIE = (?:{ name: )?)'(pm3k_[a-z]+)'/g)])
      .map(([, name]) => name as string);
    expect(new Set(names)).to.include('pm3k_session').and.to.include('pm3k_proof');
    for (const name of names) expect(words('/privacy')).to.contain(name);
    const [cookies = ''] = /Cookies, .*?Who receives it/.exec(words('/privacy')) ?? [];
    for (const term of ['30 days', 'ten minutes', '72 hours', '12 hours']) {
      expect(cookies).to.contain(term);
    }
    expect(words('/privacy')).not.to.contain('there are no others');
  });

  it('say that an API key’s id is counted as it is', () => {
    expect(words('/privacy')).not.to.contain('Counters of a minute under keyed hashes');
    expect(words('/privacy')).to.contain(
      'under the id of an API key or a keyed hash of an address',
    );
  });

  it('say how deletion is asked for, by oneself and by email', () => {
    for (const said of [
      ...['Sign out → Disconnect & revoke', '“Data deletion request”', 'within 30 days'],
      ...['one-time link', 'TikTok bio', 'another small change', '72 hours', '7 days'],
      ...['stays on TikTok', 'job ids', 'lingers for a few minutes'],
    ]) {
      expect(words('/data-deletion')).to.contain(said);
    }
    expect(pages['/data-deletion']?.html).to.contain(
      'mailto:privacy@nord.example?subject=Data%20deletion%20request',
    );
  });

  it('are linked from the foot of every page', async () => {
    const html = await (await fetch(app.url)).text();
    for (const path of PAGES) expect(html).to.contain(`<a href="${path}">`);
  });

  it('serve TikTok’s signature file at the root, byte for byte, and no other', async () => {
    const answer = await fetch(`${app.url}/tiktokAbc123.txt`);
    expect(answer.headers.get('content-type')).to.match(/^text\/plain/);
    expect(await answer.text()).to.equal('tiktok-developers-site-verification=Xy=z');
    expect((await fetch(`${app.url}/tiktokAbc124.txt`)).status).to.equal(404);
  });
});

describe('the legal pages of a processor', () => {
  it('name the controller it works for, and need neither officer nor authority', async () => {
    await using app = await anAppliance({
      OPERATOR_ROLE: 'processor',
      CONTROLLER_NAME: 'Acme Media GmbH',
    });
    const html = await (await fetch(`${app.url}/privacy`)).text();
    expect(wordsOf(html)).to.contain('Acme Media GmbH decides why').and.contain('as its processor');
    expect(wordsOf(html))
      .to.contain('where you live or work')
      .and.not.match(/undefined|null/);
  });
});

describe('the date of the legal pages', () => {
  it('is that of the last change of a declaration', async () => {
    const message = 'A declaration changed: run `npm run docs`, which dates src/privacy/updated.ts';
    expect(UPDATED.declarations, message).to.equal(fingerprint(await loadModules()));
    expect(UPDATED.on).to.match(/^\d{4}-\d\d-\d\d$/);
  });

  it('moves with every word of a declaration, and with no order of them', () => {
    const declared = (change: Partial<TableDeclaration> = {}): Manifest[] => {
      const table = {
        ...{
          called: 'Shoes',
          about: 'account',
          owner: { by: 'id' },
          columns: { id: 'A.', b: 'B.' },
        },
        ...{ purpose: 'P', legalBasis: 'L', recipients: 'R', kept: 'K', ...change },
      } as TableDeclaration;
      return [{ name: 'shoes', personalData: { tables: { shoes: table } } }];
    };
    const before = fingerprint(declared());
    for (const change of [
      ...[{ purpose: 'Q' }, { kept: 'L' }, { recipients: 'S' }, { legalBasis: 'M' }],
      ...[{ columns: { id: 'A.' } }, { secret: ['b'] }, { owner: { keep: 'For ever.' } }],
    ]) {
      expect(fingerprint(declared(change)), JSON.stringify(change)).to.not.equal(before);
    }
    expect(fingerprint(declared({ columns: { b: 'B.', id: 'A.' } }))).to.equal(before);
  });
});
