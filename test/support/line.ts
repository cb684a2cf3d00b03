// A line to the database that can be cut, or swallow what is sent without a word.
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import type { ConnectionOptions } from '../../src/base/database.ts';
import { freshDatabase } from './database.ts';

export interface Line extends Disposable {
  /** Of a fresh database, through this line. */
  url: string;
  /** The same database, beside this line. */
  behind: ConnectionOptions;
  /** Every connection ends, and no new one is taken. */
  cut(): void;
  mend(): Promise<void>;
  /** The connections that are open now stay open, and nothing passes any more; new ones are well. */
  swallow(): void;
}

export async function aLine(): Promise<Line> {
  const { connection } = await freshDatabase();
  const { host, port, user, database } = connection as Record<string, string>;
  const sockets = new Set<Socket>();
  const connect = () => createConnection(`${host}/.s.PGSQL.${port}`);
  let server = await listen(sockets, connect, 0);
  const { port: own } = server.address() as { port: number };
  const cut = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  return {
    url: `postgres://${user}@127.0.0.1:${own}/${database}`,
    behind: connection,
    cut,
    async mend() {
      server = await listen(sockets, connect, own);
    },
    swallow() {
      for (const socket of sockets) {
        socket.unpipe();
        // Read and thrown away, as by a network that has forgotten the connection.
        socket.resume();
      }
    },
    [Symbol.dispose]: cut,
  };
}

function listen(sockets: Set<Socket>, connect: () => Socket, port: number): Promise<Server> {
  const server = createServer((socket) => {
    const beyond = connect();
    for (const end of [socket, beyond]) {
      sockets.add(end);
      end.on('error', () => {});
      end.on('close', () => sockets.delete(end));
    }
    socket.pipe(beyond).pipe(socket);
    socket.on('close', () => beyond.destroy());
    beyond.on('close', () => socket.destroy());
  });
  return new Promise((done) => server.listen(port, '127.0.0.1', () => done(server)));
}
