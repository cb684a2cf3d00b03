// The declarations in words for people: terms in days, chapters of the privacy page, and what remains.
import type { Config } from '../base/config.ts';
import type { Chapter, TableDeclaration } from '../base/declaration.ts';
import type { Tables } from './eraser.ts';

/** The chapters in the order of the pages. */
export const CHAPTERS: Record<Chapter, string> = {
  tiktok: 'Your TikTok account',
  account: 'Your account here',
  posts: 'Your posts',
  media: 'Your media files',
  working: 'Settings and working data',
  technical: 'Technical logs and safeguards',
  evidence: 'Proof of deletions',
  billing: 'Billing',
  totals: 'Totals without identifiers',
  operators: 'Operators of this service',
  nobody: 'The machinery, which knows nobody',
};

/** All but the staff's and the machinery's, what matters most first. */
const KEPT_CHAPTERS = (Object.keys(CHAPTERS) as Chapter[])
  .filter((chapter) => chapter !== 'operators' && chapter !== 'nobody')
  .sort((a, b) => Number(a === 'technical') - Number(b === 'technical'));

/** Names of settings in a text are put into numbers: "REQUEST_RETENTION_DAYS after" → "365 days after". */
export function inWords(text: string, config: Config): string {
  return text.replaceAll(/\b[A-Z]+(?:_[A-Z]+)+\b/g, (name) => {
    const value = (config as unknown as Record<string, unknown>)[name];
    if (typeof value !== 'number') return name;
    if (!name.endsWith('_DAYS')) return String(value);
    return value === 1 ? '1 day' : `${value} days`;
  });
}

export interface Kept {
  table: string;
  called: string;
  why: string;
  term: string;
}

/** What outlives a creator and may have to do with one. */
export function kept(config: Config, tables: Tables): Kept[] {
  return KEPT_CHAPTERS.flatMap((chapter) =>
    Object.entries(tables).flatMap(([table, { called, about, owner, kept: term }]) => {
      if (!('keep' in owner) || about !== chapter) return [];
      return [{ table, called, why: inWords(owner.keep, config), term: inWords(term, config) }];
    }),
  );
}

/** The declarations as the pages show them: chapter by chapter. */
export function inOrder(tables: Tables): [string, TableDeclaration][] {
  const chapters = Object.keys(CHAPTERS);
  return Object.entries(tables).sort(
    ([, a], [, b]) => chapters.indexOf(a.about) - chapters.indexOf(b.about),
  );
}
