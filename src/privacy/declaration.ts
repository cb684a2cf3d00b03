// What a module must say about every table it owns: whose data it is, why it is kept and how long.

/** How rows of a table are found for one creator, or why they are kept when the creator goes. */
export type Ownership = { by: string } | { through: Record<string, string> } | { keep: string };

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

/** Table → declaration. A module without tables says so by an empty record and a reason. */
export type PersonalData = { tables: Record<string, TableDeclaration> } | { nothing: string };
