// Turns a deletion into what its public page shows: progress, then the receipt, without a name.
import type { Config } from '../base/config.ts';
import type { TableDeclaration } from '../base/declaration.ts';
import { DAY_MS } from '../base/time.ts';
import type { Tables } from '../privacy/eraser.ts';
import { type Kept, listKeptTables, sortByChapter } from '../privacy/labels.ts';
import { REVOCATION_DAYS } from './revocation-store.ts';
import type { Deletion } from './store.ts';

export interface Step {
  text: string;
  at: Date | null;
  state: 'done' | 'now' | 'later';
}

export interface ReceiptView {
  path: string;
  number: string;
  is_done: boolean;
  is_erased: boolean;
  requested_at: Date;
  erased_at: Date | null;
  done_at: Date | null;
  steps: Step[];
  /** The search found traces, so it runs again after they are removed. */
  is_searching_again: boolean;
  revocation: { text: string; at: Date | null; state: 'done' | 'now' | 'open' };
  /** Rows by what their table calls them. */
  deleted: { called: string; count: number }[];
  files: number;
  bytes: number;
  files_left: number;
  cancelled: number;
  seen_through: number;
  kept: Kept[];
  ends: { what: string; at: Date }[];
  traces: number | null;
  tables_searched: number;
  is_rewritten: boolean;
  /** Machines that did not come back, and whose disks may hold working files. */
  disks_lost: number;
}

export function toReceiptView(deletion: Deletion, tables: Tables, config: Config): ReceiptView {
  const { receipt, requested_at, erased_at, done_at } = deletion;
  return {
    path: `/deletions/${deletion.receipt_token}`,
    number: toReceiptNumber(deletion),
    is_done: done_at !== null,
    is_erased: erased_at !== null,
    requested_at,
    erased_at,
    done_at,
    steps: listReceiptSteps(deletion),
    is_searching_again: done_at === null && !deletion.searched_at && deletion.faults > 0,
    revocation: describeRevocation(deletion),
    deleted: listDeleted(deletion, tables),
    files: receipt.files ?? 0,
    bytes: receipt.bytes ?? 0,
    files_left: receipt.files_left ?? 0,
    cancelled: receipt.jobs_cancelled ?? 0,
    seen_through: receipt.jobs_seen_through ?? 0,
    kept: listKept(deletion, tables, config),
    ends: listEnds(deletion, config),
    traces: deletion.traces,
    tables_searched: receipt.tables_searched ?? 0,
    is_rewritten: deletion.rewrite_tables.length === 0,
    disks_lost: receipt.disks_lost ?? 0,
  };
}

/** Returns a number that is short enough to read out, e.g. `4F2A-91BC`. */
function toReceiptNumber({ id }: Pick<Deletion, 'id'>): string {
  return `${id.slice(0, 4)}-${id.slice(4, 8)}`.toUpperCase();
}

function listReceiptSteps(deletion: Deletion): Step[] {
  const { receipt, requested_at, quiet_at, erased_at, done_at } = deletion;
  const searchedAt = deletion.searched_at ?? done_at;
  const steps: [doing: string, done: string, at: Date | null][] = [
    ['', 'Deletion asked for; sign-ins and API keys ended', requested_at],
    [describeWaiting(receipt.jobs_seen_through ?? 0), 'Running work ended', quiet_at],
    ['Deleting files and records', 'Files and records deleted', erased_at],
    ['Searching for anything left', 'Searched for anything left', searchedAt],
    ['Removing what the database’s files still hold', 'Removed from the database’s files', done_at],
  ];
  const current = steps.findIndex(([, , at]) => at === null);
  return steps.map(([doing, done, at], index) => ({
    text: at ? done : doing,
    at,
    state: at ? 'done' : index === current ? 'now' : 'later',
  }));
}

function describeWaiting(seenThrough: number): string {
  if (seenThrough === 0) return 'Waiting until running work has ended';
  return `Waiting for ${seenThrough === 1 ? 'a post' : `${seenThrough} posts`} that TikTok has already, for at most about 6 minutes`;
}

function describeRevocation(deletion: Deletion): ReceiptView['revocation'] {
  const { revocation, revoked_at, requested_at } = deletion;
  const until = new Date(requested_at.getTime() + REVOCATION_DAYS * DAY_MS);
  switch (revocation) {
    case 'waiting':
      return { text: 'We ask TikTok next to end the permission.', at: null, state: 'now' };
    case 'pending':
      return {
        text: 'TikTok has not ended the permission yet. We keep the token, encrypted, for this alone, and ask again at the latest until',
        at: until,
        state: 'now',
      };
    case 'revoked':
      return { text: 'TikTok has ended the permission:', at: revoked_at, state: 'done' };
    case 'not_needed':
      return { text: 'There was no permission left to end.', at: null, state: 'done' };
    case 'superseded':
      return {
        text: 'The same TikTok account was connected again, as a new account here. The new permission stays; the old token is deleted.',
        at: null,
        state: 'done',
      };
    case 'given_up':
      return {
        text: 'TikTok did not confirm that it ended the permission. The token is deleted here. To be sure, remove this app in TikTok under Settings and privacy, Security and permissions, Apps and services permissions.',
        at: null,
        state: 'open',
      };
  }
}

/** Leaves out rows that were emptied and not deleted: the receipt lists those as kept. */
function listDeleted({ receipt }: Deletion, tables: Tables): ReceiptView['deleted'] {
  const rows = receipt.rows ?? {};
  const known = sortByChapter(tables).filter(([, { owner }]) => !('scrub' in owner));
  const words = new Map(known.map(([table, { called }]) => [table, called]));
  return [...new Set([...words.keys(), ...Object.keys(rows)])].flatMap((table) => {
    const count = rows[table] ?? 0;
    if (count === 0 || isEmptied(tables[table])) return [];
    return [{ called: words.get(table) ?? table, count }];
  });
}

function isEmptied(declaration: TableDeclaration | undefined): boolean {
  return declaration !== undefined && 'scrub' in declaration.owner;
}

/**
 * Lists what stays stored. A table whose rows are emptied per creator is listed only if this creator
 * had rows in it; a table that belongs to no creator is always listed.
 */
function listKept({ receipt }: Deletion, tables: Tables, config: Config): Kept[] {
  return listKeptTables(config, tables).filter(({ table }) => {
    if (table === 'deletions') return true;
    // The log of a request by email is shown exactly when the request is.
    const of = tables[table]?.about === 'evidence' ? 'deletion_requests' : table;
    return !isEmptied(tables[of]) || (receipt.rows?.[of] ?? 0) > 0;
  });
}

function listEnds(deletion: Deletion, config: Config): ReceiptView['ends'] {
  const { erased_at, recorded_at, done_at, requested_at, revocation } = deletion;
  const after = (start: Date, days: number) => new Date(start.getTime() + days * DAY_MS);
  return [
    ...(erased_at
      ? [{ what: 'Backups made before are gone', at: after(erased_at, config.BACKUP_DAYS) }]
      : []),
    ...(recorded_at
      ? [
          {
            what: 'The entry that keeps the data from coming back with a backup is gone',
            at: after(recorded_at, config.BACKUP_DAYS + 1),
          },
        ]
      : []),
    ...(done_at ? listDiskEnds(deletion, done_at, config) : []),
    ...(revocation === 'pending'
      ? [{ what: 'The encrypted token is gone', at: after(requested_at, REVOCATION_DAYS) }]
      : []),
    ...(done_at
      ? [{ what: 'This receipt is gone', at: after(done_at, config.REQUEST_RETENTION_DAYS) }]
      : []),
  ];
}

/** What the disk still holds of the deleted rows, and until when. */
function listDiskEnds(
  { rewrite_tables, rewrite_at, receipt }: Deletion,
  doneAt: Date,
  { BACKUP_DAYS }: Config,
): ReceiptView['ends'] {
  const logEnds = new Date(doneAt.getTime() + BACKUP_DAYS * DAY_MS);
  return [
    ...(rewrite_tables.length > 0 && rewrite_at
      ? [{ what: 'What the files of large tables still hold is gone', at: rewrite_at }]
      : []),
    ...(receipt.is_log_kept
      ? [{ what: 'What the database server’s own log still holds is gone', at: logEnds }]
      : []),
  ];
}
