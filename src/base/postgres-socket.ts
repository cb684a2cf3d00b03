// Finds the embedded server by the Unix socket in its cluster, and asks whether it answers.
import { constants, openSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { EmbeddedPostgresFault, SUPERUSER } from './postgres-programs.ts';

/** Options for `pg`: a Unix socket in a folder that only the server's user can enter. */
export interface SocketConnection {
  host: string;
  port: number;
  user: string;
  database: string;
}

/** The number in the socket's name. */
const PORT = 5432;
/** PostgreSQL's name for its own folder, which has no length that could be too long. */
export const SOCKET_FOLDER = '.';
/** The socket, and the file by which PostgreSQL keeps it for one server. */
export const SOCKET_FILES = [`.s.PGSQL.${PORT}`, `.s.PGSQL.${PORT}.lock`];
/** Linux takes no longer address of a socket, in bytes. */
const LONGEST_ADDRESS = 107;

/**
 * Returns the connection to the server of this cluster, whether it runs or not. A long path is
 * replaced by the address of an open folder, which is valid in this process alone.
 */
export function createConnection(cluster: string): SocketConnection {
  const isShort = Buffer.byteLength(join(cluster, SOCKET_FILES[0] as string)) <= LONGEST_ADDRESS;
  const open = () => openSync(cluster, constants.O_RDONLY | constants.O_DIRECTORY);
  const host = isShort ? cluster : `/proc/self/fd/${open()}`;
  return { host, port: PORT, user: SUPERUSER, database: 'postgres' };
}

/**
 * Connects once. `busy`: the server lives, but takes nobody yet, or nobody any more. `silent`:
 * nobody listens.
 * @throws EmbeddedPostgresFault if we are not the user that may enter.
 */
export async function askServer(
  connection: SocketConnection,
): Promise<'ready' | 'busy' | 'silent'> {
  const client = new pg.Client({ ...connection, connectionTimeoutMillis: 5000 });
  client.on('error', () => {});
  try {
    await client.connect();
    return 'ready';
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    // cannot_connect_now, or too many connections, e.g. of a process that was just killed.
    if (code === '57P03' || code === '53300') return 'busy';
    if (code === 'EACCES' || code === 'EPERM') {
      throw new EmbeddedPostgresFault(
        `${connection.host} is closed to this user. Run this as the user that PM3K runs as.`,
      );
    }
    return 'silent';
  } finally {
    await client.end().catch(() => {});
  }
}
