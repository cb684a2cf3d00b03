// Ports that no two tests share, also not those of two runs on one machine.
import { createServer, type Server } from 'node:net';

// Below the ports that Linux and macOS give to whoever asks for any, so nobody gets one by chance.
const FIRST = 20_000;
const BLOCKS = 120;
const BLOCK_SIZE = 100;

let next = 0;
let blockEnd = 0;
let blocksTried = 0;
let firstBlock: number | undefined;
let queue: Promise<unknown> = Promise.resolve();

/** A port that is free on loopback now, and that no other caller is given during this run. */
export function nextPort(): Promise<number> {
  const port = queue.then(findPort);
  queue = port.catch(() => {});
  return port;
}

async function findPort(): Promise<number> {
  for (;;) {
    if (next >= blockEnd) await claimBlock();
    const port = next;
    next += 1;
    if (await isFree(port)) return port;
  }
}

/** Listening on a block's first port claims the block; the kernel frees it when this process ends. */
async function claimBlock(): Promise<void> {
  firstBlock ??= process.pid % BLOCKS;
  while (blocksTried < BLOCKS) {
    const start = FIRST + ((firstBlock + blocksTried) % BLOCKS) * BLOCK_SIZE;
    blocksTried += 1;
    const claim = await listen(start, '127.0.0.1');
    if (!(claim instanceof Error)) {
      claim.unref();
      next = start + 1;
      blockEnd = start + BLOCK_SIZE;
      return;
    }
  }
  throw new Error(`Expected a block of free ports from ${FIRST} on, found none`);
}

/** `localhost` means either address; a machine without IPv6 has only the first. */
async function isFree(port: number): Promise<boolean> {
  for (const host of ['127.0.0.1', '::1']) {
    const server = await listen(port, host);
    if (!(server instanceof Error)) await new Promise((done) => server.close(done));
    else if (server.code === 'EADDRINUSE' || server.code === 'EACCES') return false;
  }
  return true;
}

function listen(port: number, host: string): Promise<Server | NodeJS.ErrnoException> {
  const server = createServer((socket) => socket.destroy());
  return new Promise((done) => {
    server.once('error', done);
    server.listen({ port, host, exclusive: true }, () => done(server));
  });
}
