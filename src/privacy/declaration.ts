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

export interface TableDeclaration {
  owner: Ownership;
  /** Column → what it holds, in words for the public page. Every column is listed. */
  columns: Record<string, string>;
  /** Columns that never leave: tokens, hashes. They are left out of an export. */
  secret?: string[];
  purpose: string;
  legal_basis: string;
  recipients: string;
  kept: string;
}

/**
 * Table → declaration; a table outside schema `public` is named with its schema. A module without
 * tables says so by a reason. `erase` is for what no ownership describes; it answers rows per table.
 */
export type PersonalData =
  | {
      tables: Record<string, TableDeclaration>;
      erase?: (trx: Knex, creator_id: string) => Promise<Record<string, number>>;
    }
  | { nothing: string };
