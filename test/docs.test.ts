import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { DOCUMENTS, filled, tables } from '../scripts/docs.ts';
import { ROOT } from './support/appliance.ts';

describe('the documentation', () => {
  it('prints settings, error codes, states and routes as the code has them', async () => {
    const made = await tables();
    const texts = DOCUMENTS.map((name) => [name, readFileSync(join(ROOT, name), 'utf8')] as const);
    for (const [name, text] of texts)
      expect(filled(text, made), `${name}: run npm run docs`).to.equal(text);
    const all = texts.map(([, text]) => text).join('\n');
    for (const name of Object.keys(made)) expect(all).to.contain(`<!-- ${name} -->`);
    for (const table of Object.values(made)) expect(all).to.contain(table);
  });

  it('describes every setting in a sentence', async () => {
    for (const line of (await tables())['settings']?.split('\n').slice(2) ?? []) {
      expect(line.split(' | ')[2], line).to.match(/\.\s\|?$/);
    }
  });

  // Docker refuses a file in which a key stands twice, and two changes may each bring one.
  it('has each key of a service of compose.yaml once', () => {
    const [, services = ''] = readFileSync(join(ROOT, 'compose.yaml'), 'utf8').split(
      '\nservices:\n',
    );
    for (const service of services.split(/^(?= {2}\w)/m)) {
      const keys = [...service.matchAll(/^ {4}([\w<]+):/gm)].map(([, key]) => key);
      expect(keys, service).to.deep.equal([...new Set(keys)]);
    }
  });
});
