// A source process: serves a file, padded to any length, on loopback until stdin ends.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const head = readFileSync(process.argv[2] ?? '');
const bytes = Number(process.argv[3]);
const padding = Buffer.alloc(1_048_576, 0x5a);
/** A box that players skip. Its size has 64 bits, since it may be larger than 4 GB. */
const box = Buffer.alloc(16);
box.writeUInt32BE(1, 0);
box.write('free', 4, 'latin1');
box.writeBigUInt64BE(BigInt(bytes - head.length), 8);

const server = createServer(async (_request, response) => {
  const closed = new AbortController();
  const { signal } = closed;
  response.once('close', () => closed.abort());
  response.writeHead(200, { 'content-length': bytes });
  response.write(Buffer.concat([head, box]));
  let left = bytes - head.length - box.length;
  while (left > 0 && !response.destroyed) {
    const part = padding.subarray(0, Math.min(left, padding.length));
    left -= part.length;
    if (!response.write(part)) await once(response, 'drain', { signal }).catch(() => {});
  }
  response.end();
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
process.stdin.resume().once('end', () => process.exit(0));
