// What a module must say about every table it owns: whose data it is, why it is kept and how long.
import type { Knex } from 'knex';

/**
 * How rows of a table belong to one creator, and so how they are erased and exported:
 * `by`: a column with the creator's id. `through`: a column that names a row of another declared
 * table. `payload`: rows of the queue whose payload names such a row. `scrub`: the row outlives the
 * creator, its named columns are emptied, and `keep` says why. `keep`: nobody's, with the reason.
 */
export type Ownership =
  | { by: string }
  | { through: Record<string, string> }
  | { payload: Record<string, string> }
  | { scrub: { by: string; columns: string[] }; keep: string }
  | { keep: string };

/** What kind of data it is: the chapters of the privacy page, in its order. */
export type Chapter =
  | 'tiktok'
  | 'account'
  | 'posts'
  | 'media'
  | 'working'
  | 'technical'
  | 'evidence'
  | 'billing'
  | 'totals'
  | 'operators'
  | 'nobody';

/** Settings that say after how many days something ends. */
export type DaysSetting = 'LOG_RETENTION_DAYS' | 'JOB_HISTORY_DAYS' | 'REQUEST_RETENTION_DAYS';

/**
 * When a row has reached its end, for the sweep: so long `after` the time `at`, or at that time.
 * `at` and `unless` are SQL about the row; where many rows may be kept, `at` is indexed.
 */
export interface Term {
  at: string;
  after?: `${number} ${'minutes' | 'hours' | 'days'}` | { days: DaysSetting };
  /** Goes so much sooner, where the promise is "at most": sweeps are minutes apart. */
  early?: `${number} hours`;
  unless?: string;
}

export interface TableDeclaration {
  /** What a person would call its rows. */
  called: string;
  about: Chapter;
  owner: Ownership;
  /** Column → what it holds, in words for the public page. Every column is listed. */
  columns: Record<string, string>;
  /** Columns that never leave: tokens, hashes. They are left out of an export. */
  secret?: string[];
  purpose: string;
  legalBasis: string;
  recipients: string;
  kept: string;
  /** Rows that end by themselves; retention removes them. What `kept` says in words. */
  ends?: Term;
}

/**
 * Table → declaration; a table outside schema `public` is named with its schema. A module without
 * tables says so by a reason. `erase` is for what no ownership describes; it answers rows per table.
 */
export type PersonalData =
  | {
      tables: Record<string, TableDeclaration>;
      erase?: (trx: Knex, creatorId: string) => Promise<Record<string, number>>;
    }
  | { nothing: string };
