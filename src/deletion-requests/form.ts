// Reads the desk's forms: texts without surprises, a day that is not in the future, a version.

import { z } from 'zod';
import { invalid } from '../base/errors.ts';
import { HOUR_MS } from '../base/time.ts';
import type { ProofMethod, Words } from './store.ts';

/** A day ends up to 14 hours later elsewhere than it does in UTC. */
const ZONES_MS = 14 * HOUR_MS;
const EARLIEST = new Date('2000-01-01');

const text = (longest: number) =>
  z
    .string('Expected one text')
    .max(longest, `Keep it below ${longest} characters.`)
    // PostgreSQL takes no NUL in a text.
    .transform((given) => given.replaceAll('\0', '').trim())
    .default('');

const wordsForm = z.object({
  username: text(100),
  profile_url: text(500),
  usage: text(5_000),
  details: text(20_000),
  received_at: text(40),
});

export type Faults = Record<string, string>;

/** What was typed, and what is wrong with it by field; or the words of the request. */
export function readWords(form: unknown): { words: Words } | { faults: Faults } {
  const parsed = wordsForm.safeParse(form);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => [String(issue.path[0]), issue.message]);
    return { faults: Object.fromEntries(faults) };
  }
  const { username, profile_url, usage, details, received_at } = parsed.data;
  if (!username && !profile_url && !details) {
    return { faults: { username: 'Enter at least one: a username, a profile link, or details.' } };
  }
  const at = readDay(received_at);
  if (!at) {
    return { faults: { received_at: 'Enter the day the email came; it cannot be in the future.' } };
  }
  return {
    words: {
      username: username || null,
      profile_url: profile_url || null,
      usage: usage || null,
      details: details || null,
      received_at: at,
    },
  };
}

/** A day or a time; nothing is now. Null when it is neither, or lies ahead. */
function readDay(given: string): Date | null {
  const now = new Date();
  if (!given) return now;
  const at = new Date(given);
  // Dates that are none would roll on: 31 February is 3 March to JavaScript.
  const day = /^\d{4}-\d{2}-\d{2}/.exec(given)?.[0];
  if (day && !z.iso.date().safeParse(day).success) return null;
  if (Number.isNaN(at.getTime()) || at < EARLIEST) return null;
  const isDay = day === given;
  if (at.getTime() > now.getTime() + (isDay ? ZONES_MS : 0)) return null;
  return at > now ? now : at;
}

/** One field of an act. */
export function readText(form: unknown, name: string, longest: number): string {
  const parsed = text(longest).safeParse((form as Record<string, unknown>)[name]);
  if (parsed.success) return parsed.data;
  throw invalid(`/${name}`, parsed.error.issues[0]?.message ?? 'Expected one text');
}

/** Of the page that was looked at; null from scripts, which act on what is there. */
export function readVersion(form: unknown): number | null {
  const given = readText(form, 'version', 20);
  if (!given) return null;
  if (/^\d{1,9}$/.test(given)) return Number(given);
  throw invalid('/version', 'Expected the number of a version.');
}

export function readMethod(form: unknown): ProofMethod {
  const parsed = z.enum(['sign_in', 'bio', 'other']).safeParse(readText(form, 'method', 20));
  if (parsed.success) return parsed.data;
  throw invalid('/method', 'Choose how ownership is to be shown.');
}
