// Types by which a module declares its tables: whose data they hold, why, and for how long.
import type { Knex } from 'knex';

/**
 * How rows of a table belong to one creator. Erasure and export follow it.
 * `by`: the column with the creator's id.
 * `through`: a column that names a row of another declared table, or several such columns of which
 * each row has one.
 * `payload`: rows of the queue whose payload names such a row.
 * `scrub`: the row stays after the creator is gone, and its named columns are emptied; `keep` is
 * why.
 * `keep`: the rows belong to no creator; the text is why.
 */
export type Ownership =
  | { by: string }
  | { through: Record<string, string> }
  | { payload: Record<string, string> }
  | { scrub: { by: string; columns: string[] }; keep: string }
  | { keep: string };

/** The kind of data: a chapter of the privacy page. The order is that of the page. */
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

/** Settings that are a term in days. */
export type DaysSetting = 'LOG_RETENTION_DAYS' | 'JOB_HISTORY_DAYS' | 'REQUEST_RETENTION_DAYS';

/**
 * When the sweep removes a row: the time `after` has passed since `at`, or `at` is reached.
 * `at` and `unless` are SQL expressions about the row. In large tables `at` needs an index.
 */
export interface Term {
  at: string;
  after?: `${number} ${'minutes' | 'hours' | 'days'}` | { days: DaysSetting };
  /**
   * Removes the row so much earlier. Needed for a promise of "at most": sweeps are minutes apart.
   */
  early?: `${number} hours`;
  unless?: string;
}

export interface TableDeclaration {
  /** What a person calls these rows. */
  called: string;
  about: Chapter;
  owner: Ownership;
  /** Column → what it holds, in words for the public page. Every column must be listed. */
  columns: Record<string, string>;
  /** Columns that an export leaves out: tokens and hashes. */
  secret?: string[];
  purpose: string;
  legalBasis: string;
  recipients: string;
  kept: string;
  /** The term after which retention removes a row. `kept` says the same in words. */
  ends?: Term;
}

/**
 * Table → declaration. A table outside schema `public` is named with its schema. `erase` deletes
 * what no ownership describes, and returns table → rows. A module without tables gives the reason.
 */
export type PersonalData =
  | {
      tables: Record<string, TableDeclaration>;
      erase?: (trx: Knex, creatorId: string) => Promise<Record<string, number>>;
    }
  | { nothing: string };
