// The SQL of the request log: many rows in one insert.
import type { Knex } from 'knex';

/** One request, without its path, query or account. */
export interface RequestRow {
  at: Date;
  ip: string | null;
  method: string;
  /** The pattern of the route; `none` where none matched. */
  route: string;
  status: number;
  duration_ms: number;
  request_id: string;
}

export async function insertRequests(db: Knex, rows: RequestRow[]): Promise<void> {
  await db.raw(
    `insert into request_log (at, ip, method, route, status, duration_ms, request_id)
     select at, ip, method, route, status, duration_ms, request_id
       from jsonb_to_recordset(?::jsonb) as rows (at timestamptz, ip inet, method text, route text,
         status integer, duration_ms integer, request_id text)`,
    [JSON.stringify(rows)],
  );
}
