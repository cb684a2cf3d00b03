// Empties PostgreSQL's write-ahead log of what was written before, as far as the server lets us.
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';

const HORIZON_PAUSE_MS = 100;
/** Segments that a server with other settings had kept ready for use: 16 MB each. */
const MOST_SWITCHES = 200;

/**
 * Waits until no transaction is older than this call: for such a one the server keeps deleted rows,
 * and a rewritten table would hold them again. Returns how many are older when the time is over.
 */
export async function outlastTransactions(client: pg.ClientBase, mostMs: number): Promise<number> {
  const horizon = (await client.query('select pg_snapshot_xmax(pg_current_snapshot())::xid as xid'))
    .rows[0].xid as string;
  const deadline = performance.now() + mostMs;
  for (;;) {
    const older = await countOlder(client, horizon);
    if (older === 0 || performance.now() > deadline) return older;
    await sleep(HORIZON_PAUSE_MS);
  }
}

async function countOlder(client: pg.ClientBase, horizon: string): Promise<number> {
  const { rows } = await client.query(
    `select count(*) from (
       select backend_xid as xid from pg_stat_activity
       union all
       select backend_xmin from pg_stat_activity
        where datname is null or datname = current_database()
       union all
       select transaction from pg_prepared_xacts
       union all
       select xmin from pg_replication_slots) held
      where xid is not null and age(xid) > age($1::xid)`,
    [horizon],
  );
  return rows[0].count;
}

/**
 * Begins a new segment of the log and lets the server remove the older ones. Returns what keeps them
 * all the same, each in words for the operator; empty when nothing of them is left.
 */
export async function emptyLog(client: pg.ClientBase): Promise<string[]> {
  const server = await readServer((sql) => client.query(sql));
  if (server.may_switch) await client.query('select pg_switch_wal()');
  if (server.may_checkpoint) await client.query('checkpoint');
  if (server.may_list && server.may_switch && !server.recycles) await useUpSegments(client);
  return listKeepers(server);
}

/** Overwrites the segments that were kept ready for use: they hold what they held before. */
async function useUpSegments(client: pg.ClientBase): Promise<void> {
  for (let switches = 0; switches < MOST_SWITCHES; switches += 1) {
    const { rows } = await client.query(
      `select exists (select from pg_ls_waldir() where name ~ '^[0-9A-F]{24}$'
         and name > pg_walfile_name(pg_current_wal_insert_lsn())) as is_left`,
    );
    if (!rows[0].is_left) return;
    await client.query(`select pg_logical_emit_message(false, 'pm3k', ''), pg_switch_wal()`);
  }
}

interface Server {
  role: string;
  may_switch: boolean;
  may_checkpoint: boolean;
  may_list: boolean;
  recycles: boolean;
  archives: boolean;
  keeps: boolean;
  has_slots: boolean;
}

type Query = (sql: string) => PromiseLike<{ rows: Server[] }>;

async function readServer(query: Query): Promise<Server> {
  const { rows } = await query(
    `select current_user as role,
            has_function_privilege('pg_switch_wal()', 'execute') as may_switch,
            has_function_privilege('pg_ls_waldir()', 'execute') as may_list,
            rolsuper or exists (select from pg_roles r
              where r.rolname = 'pg_checkpoint' and pg_has_role(r.oid, 'usage')) as may_checkpoint,
            current_setting('wal_recycle')::boolean as recycles,
            current_setting('archive_mode') <> 'off' as archives,
            current_setting('wal_keep_size') <> '0' as keeps,
            exists (select from pg_replication_slots) as has_slots
       from pg_roles where rolname = current_user`,
  );
  return rows[0] as Server;
}

/** Returns what would keep the log, without touching it. */
export async function listLogKeepers(query: Query): Promise<string[]> {
  return listKeepers(await readServer(query));
}

function listKeepers(server: Server): string[] {
  const { role } = server;
  return [
    !server.may_switch && `grant execute on function pg_switch_wal() to "${role}"`,
    !server.may_checkpoint && `grant pg_checkpoint to "${role}" (PostgreSQL 15 or newer)`,
    server.recycles && 'set wal_recycle = off',
    server.keeps && 'set wal_keep_size = 0',
    server.archives && 'the log is archived (archive_mode)',
    server.has_slots && 'a replication slot keeps the log for another server',
  ].filter((words) => words !== false);
}
