// Finds ports that stay free while a process of the storm is away.
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

// Below those that the system gives to outgoing connections, and beside those of the tests.
const FIRST = 12_000;
const END = 20_000;

/** Returns a port of this machine that nobody listens on. */
export async function findPort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, END);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((done) => {
    server.once('error', () => done(false));
    server.listen(port, 'localhost', () => server.close(() => done(true)));
  });
}
