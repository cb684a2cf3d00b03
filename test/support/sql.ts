// Asks a database by SQL, with a connection of its own for each question.
import pg from 'pg';

/** Returns the rows. `values` stand for $1, $2, … */
export async function query(databaseUrl: string, text: string, values: unknown[] = []) {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  const { rows } = await client.query(text, values).finally(() => client.end());
  return rows;
}
