// A fresh database behind a line that can be cut, or swallow what is sent without a word.
import { type Line, openLine } from '../../scripts/storm/line.ts';
import type { ConnectionOptions } from '../../src/base/database.ts';
import { freshDatabase } from './database.ts';

export interface DatabaseLine extends Line {
  /** Of the database, through this line. */
  url: string;
  /** The same database, beside this line. */
  behind: ConnectionOptions;
}

export async function aLine(): Promise<DatabaseLine> {
  const { connection } = await freshDatabase();
  const { host, port, user, database } = connection as Record<string, string>;
  const line = await openLine({ socketPath: `${host}/.s.PGSQL.${port}` });
  const url = `postgres://${user}@127.0.0.1:${line.port}/${database}`;
  return { ...line, url, behind: connection };
}
