// Finds what an email says that may lead to an account: names, links, ids, and times.
import type { DeletionRequest } from '../store.ts';

export interface Clues {
  /** Usernames and display names as written, without the @. */
  names: string[];
  /** Ids of accounts or jobs. */
  uuids: string[];
  /** Long words that may be TikTok's open_id, publish_id or log_id. */
  tokens: string[];
  /** TikTok's ids of posts. */
  post_ids: string[];
  times: Date[];
}

const MANY = 30;
const NAME = String.raw`[\p{L}\p{N}_.]{2,32}`;
const PROFILE = new RegExp(String.raw`tiktok\.com/@(${NAME})`, 'giu');
const MENTION = new RegExp(String.raw`(?<![\p{L}\p{N}._/])@(${NAME})`, 'giu');
const UUID = /\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b/gi;
const TOKEN = /[\w~.-]{16,128}/g;
const POST_ID = /(?<!\d)\d{15,20}(?!\d)/g;
const TIME =
  /\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?\s?(?:Z|UTC|GMT|[+-]\d{2}:?\d{2})?/gi;

export function findClues(
  request: Pick<DeletionRequest, 'username' | 'profile_url' | 'usage' | 'details'>,
): Clues {
  const { username, profile_url, usage, details } = request;
  const text = [username, profile_url, usage, details].filter(Boolean).join('\n');
  const all = (pattern: RegExp, group = 0) =>
    [...text.matchAll(pattern)].map((match) => match[group] ?? '');
  const given = [username, profile_url].filter((name) => name && !name.includes('/'));
  const names = [...given, ...all(PROFILE, 1), ...all(MENTION, 1)];
  return {
    names: few(names.map((name) => withoutSigns(name ?? ''))),
    uuids: few(all(UUID).map((id) => id.toLowerCase())),
    tokens: few(all(TOKEN)),
    post_ids: few(all(POST_ID)),
    times: few(all(TIME)).flatMap((time) => findTimes(time)),
  };
}

/** Turns `@name.`, as at the end of a sentence, into `name`. */
function withoutSigns(name: string): string {
  return name.trim().replace(/^@+/, '').replace(/\.+$/, '');
}

function few(list: string[]): string[] {
  return [...new Set(list.filter(Boolean))].slice(0, MANY);
}

/** A time without a zone is read as UTC, so the search of ±15 minutes may miss its post. */
function findTimes(text: string): Date[] {
  const [, date, clock, zone] =
    /^(\S{10})[T ](\S+?)\s?(Z|UTC|GMT|[+-]\d{2}:?\d{2})?$/i.exec(text.trim()) ?? [];
  const offset = zone && /^[+-]/.test(zone) ? zone : 'Z';
  const at = new Date(`${date}T${clock}${offset}`);
  return Number.isNaN(at.getTime()) ? [] : [at];
}
