// A listener on loopback that hears every connection: where each request would arrive that a guard let through.
import { createServer, type Server, type Socket } from 'node:net';
import type { Network } from '../../src/safe-fetch/network.ts';

export interface Canary extends AsyncDisposable {
  port: number;
  /** Addresses that connections were meant for, in order. */
  heard: string[];
  /** Names that were resolved, in order. */
  resolved: string[];
  /** Every address leads here, and names have the addresses that `names` says. */
  network(names?: Record<string, string[] | (() => string[])>): Network;
}

/** `speak` answers a connection; without it a connection is ended at once. */
export async function aCanary(speak?: (socket: Socket) => void): Promise<Canary> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    if (speak) speak(socket);
    else socket.destroy();
  });
  const port = await listening(server);
  const heard: string[] = [];
  const resolved: string[] = [];
  return {
    port,
    heard,
    resolved,
    network: (names = {}) => ({
      async resolve(hostname) {
        resolved.push(hostname);
        const found = names[hostname];
        if (!found) throw Object.assign(new Error('No such host'), { code: 'ENOTFOUND' });
        return typeof found === 'function' ? found() : found;
      },
      place(address) {
        heard.push(address);
        return { address: '127.0.0.1', port };
      },
    }),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}

/** The port on loopback. */
export function listening(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
  });
}
