// The pages of docs/decisions/ and their index.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { ROOT } from '../support/appliance.ts';

const FOLDER = join(ROOT, 'docs/decisions');
const read = (name: string) => readFileSync(join(FOLDER, name), 'utf8');

describe('the decisions', () => {
  const pages = readdirSync(FOLDER)
    .filter((name) => name !== 'README.md')
    .sort();

  it('are numbered without a gap, and in the order of their dates', () => {
    const numbers = pages.map((name) => /^(\d{3})-[a-z0-9-]+\.md$/.exec(name)?.[1]);
    expect(numbers).to.deep.equal(pages.map((_, index) => String(index + 1).padStart(3, '0')));
    const dates = pages.map((name) => /^Date: (\d{4}-\d{2}-\d{2})$/m.exec(read(name))?.[1]);
    expect(dates).to.not.include(undefined);
    expect(dates).to.deep.equal([...dates].sort());
  });

  it('have a context, a decision, and what was given up, each with a text', () => {
    for (const name of pages) {
      const sections = /## Context\n\n(.+)\n\n## Decision\n\n(.+)\n\n## Given up\n\n(.+)\n$/s;
      expect(read(name), name).to.match(sections);
    }
  });

  it('stand in the index with number, date and title, each once', () => {
    const rows = pages.map((name) => {
      const text = read(name);
      const [, number, title] = /^# (\d{3}) · (.+)$/m.exec(text) ?? [];
      return `| [${number}](${name}) | ${/^Date: (.+)$/m.exec(text)?.[1]} | ${title} |`;
    });
    const listed = read('README.md')
      .split('\n')
      .filter((line) => line.startsWith('| ['));
    expect(listed).to.deep.equal(rows);
  });
});
