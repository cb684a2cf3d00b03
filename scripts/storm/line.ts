// A line between one process and the database that can be cut, or swallow what is sent over it.
import type { AddressInfo } from 'node:net';
import { createConnection, createServer, type Socket } from 'node:net';

export interface Line extends AsyncDisposable {
  port: number;
  /** Resets all connections, and every new one, until `restore`. */
  cut(): void;
  restore(): void;
  /**
   * From now on the present connections stay open and carry nothing; new ones work. The database's
   * ends of them are closed, as after its machine was lost, or stay open, as behind a lost NAT entry.
   */
  swallow(keepsFarEnds: boolean): void;
}

interface Pair {
  near: Socket;
  far: Socket;
  isSwallowed: boolean;
}

export interface LineOptions {
  /** Of the database. */
  socketPath: string;
  /** Gets what the process sends. */
  onSent?(bytes: Buffer): void;
}

export async function openLine({ socketPath, onSent = () => {} }: LineOptions): Promise<Line> {
  const pairs = new Set<Pair>();
  let isCut = false;
  const server = createServer((near) => {
    near.on('error', () => {});
    if (isCut) return void near.resetAndDestroy();
    const pair: Pair = { near, far: createConnection(socketPath), isSwallowed: false };
    pairs.add(pair);
    join(pair, onSent);
    near.on('close', () => pairs.delete(pair));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const reset = () => {
    for (const { near, far } of pairs) {
      // A reset of a socket that is being shut down fails, and Node then never closes it.
      if (near.writableEnded) near.destroy();
      else near.resetAndDestroy();
      far.destroy();
    }
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      isCut = true;
      reset();
    },
    restore() {
      isCut = false;
    },
    swallow(keepsFarEnds) {
      for (const pair of pairs) {
        pair.isSwallowed = true;
        pair.near.resume();
        pair.far.resume();
        if (!keepsFarEnds) pair.far.destroy();
      }
    },
    async [Symbol.asyncDispose]() {
      isCut = true;
      reset();
      await new Promise((done) => server.close(done));
    },
  };
}

function join(pair: Pair, onSent: (bytes: Buffer) => void): void {
  const { near, far } = pair;
  far.on('error', () => {});
  near.on('data', (bytes) => {
    if (pair.isSwallowed) return;
    onSent(bytes);
    if (!far.write(bytes)) near.pause();
  });
  far.on('data', (bytes) => {
    if (pair.isSwallowed) return;
    if (!near.write(bytes)) far.pause();
  });
  far.on('drain', () => near.resume());
  near.on('drain', () => far.resume());
  near.on('end', () => far.end());
  far.on('end', () => pair.isSwallowed || near.end());
  near.on('close', () => far.destroy());
  far.on('close', () => pair.isSwallowed || near.destroy());
}
