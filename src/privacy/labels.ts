// Puts the declarations into words for people: terms in days, chapters, and what stays stored.
import type { Config } from '../base/config.ts';
import type { Chapter, TableDeclaration } from '../base/declaration.ts';
import type { Tables } from './eraser.ts';

/** The chapters of the privacy page, in its order. */
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
  nobody: 'Technical tables without personal data',
};

/** The chapters that may be about a creator, the technical one last. */
const KEPT_CHAPTERS = (Object.keys(CHAPTERS) as Chapter[])
  .filter((chapter) => chapter !== 'operators' && chapter !== 'nobody')
  .sort((a, b) => Number(a === 'technical') - Number(b === 'technical'));

/** Replaces names of settings by their values: "REQUEST_RETENTION_DAYS after" → "365 days after". */
export function fillSettings(text: string, config: Config): string {
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

/** Lists the tables that stay after a creator is deleted and may be about one. */
export function listKeptTables(config: Config, tables: Tables): Kept[] {
  return KEPT_CHAPTERS.flatMap((chapter) =>
    Object.entries(tables).flatMap(([table, { called, about, owner, kept: term }]) => {
      if (!('keep' in owner) || about !== chapter) return [];
      const why = fillSettings(owner.keep, config);
      return [{ table, called, why, term: fillSettings(term, config) }];
    }),
  );
}

/** Sorts the declarations by chapter, as the pages show them. */
export function sortByChapter(tables: Tables): [string, TableDeclaration][] {
  const chapters = Object.keys(CHAPTERS);
  return Object.entries(tables).sort(
    ([, a], [, b]) => chapters.indexOf(a.about) - chapters.indexOf(b.about),
  );
}
