// Reads the forms of the deletion requests' pages: bounded texts, a past day, a version, a method.
import { z } from 'zod';
import { databaseNow } from '../base/database-time.ts';
import { invalid } from '../base/errors.ts';
import { HOUR_MS } from '../base/time.ts';
import type { ProofMethod, Words } from './store.ts';

/** A day begins up to 14 hours earlier somewhere than it does in UTC. */
const ZONES_MS = 14 * HOUR_MS;
const EARLIEST = new Date('2000-01-01');

const text = (longest: number) =>
  z
    .string('Expected one text')
    .max(longest, `Keep it below ${longest} characters.`)
    // PostgreSQL refuses NUL in a text.
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

/** Returns the words of a request, or what is wrong with the form: field → sentence. */
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
    const fault = 'Enter the day on which the email came. It cannot be in the future.';
    return { faults: { received_at: fault } };
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

/** Reads a day or a time; an empty text means now. Returns null for anything else or the future. */
function readDay(given: string): Date | null {
  const now = databaseNow();
  if (!given) return now;
  const at = new Date(given);
  // JavaScript would read 31 February as 3 March.
  const day = /^\d{4}-\d{2}-\d{2}/.exec(given)?.[0];
  if (day && !z.iso.date().safeParse(day).success) return null;
  if (Number.isNaN(at.getTime()) || at < EARLIEST) return null;
  const isDay = day === given;
  if (at.getTime() > now.getTime() + (isDay ? ZONES_MS : 0)) return null;
  return at > now ? now : at;
}

/** @throws Problem `invalid_request` when the field is longer than `longest` or no single text. */
export function readText(form: unknown, name: string, longest: number): string {
  const parsed = text(longest).safeParse((form as Record<string, unknown>)[name]);
  if (parsed.success) return parsed.data;
  throw invalid(`/${name}`, parsed.error.issues[0]?.message ?? 'Expected one text');
}

/** Returns the version that the page showed; null from scripts, which name none. */
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
