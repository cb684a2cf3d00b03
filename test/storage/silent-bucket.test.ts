// Shows that a bucket which takes connections and never answers holds nothing up for long.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect } from 'chai';
import { openBucket } from '../../src/storage/bucket.ts';

describe('a bucket that falls silent', () => {
  it('is said not to answer, whatever it was asked', async () => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => sockets.push(socket.on('error', () => {})));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const place = { endPoint: `http://127.0.0.1:${port}`, bucket: 'media', region: 'us-east-1' };
    const keys = { accessKey: 'a', secretKey: 's', pathStyle: true };
    const bucket = openBucket({ ...place, ...keys }, 50);
    const answers = await Promise.allSettled([
      bucket.head('x'),
      bucket.put('x', new Uint8Array(9)),
      bucket.get('x'),
      bucket.remove('x'),
      bucket.list('database/', '').next(),
    ]);
    for (const answer of answers) {
      const { code, message } = (answer as PromiseRejectedResult).reason.cause;
      expect(`${code} ${message}`).to.equal('undefined The storage fell silent');
      expect(answer).to.have.nested.property('reason.code', 'unavailable');
    }
    expect(sockets).to.not.have.length(0);
    for (const socket of sockets) socket.destroy();
    server.close();
  }).timeout(20_000);
});
