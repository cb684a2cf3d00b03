// Shows how a download ends when its source misbehaves.
import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  createServer as createTlsServer,
  getCACertificates,
  setDefaultCACertificates,
} from 'node:tls';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { type Ask, createSafeFetch } from '../../src/safe-fetch/fetch.ts';
import { aCanary, listening } from '../support/canary.ts';
import { aCertificate } from '../support/certificate.ts';

const OK = 'HTTP/1.1 200 OK\r\n';
const never = () => new AbortController().signal;

/** Answers a request with raw bytes. */
type Script = (socket: Socket) => unknown;

async function fetched(script: Script, more: Partial<Ask> = {}) {
  await using source = await aCanary((socket) => {
    socket.once('data', () => script(socket));
  });
  const outside = createSafeFetch(
    { allowPrivateNetworks: true, timeoutMs: 400 },
    source.network({ 'media.test': ['127.0.0.1'] }),
  );
  const ask = { url: 'http://media.test/v.mp4', host: 'media.test', limit: 1000, signal: never() };
  // Awaited here, since the source must outlive the request.
  return await outside.fetch({ ...ask, ...more }, ({ body }) => buffer(body));
}

async function refusal(script: Script, more: Partial<Ask> = {}) {
  return fetched(script, more).then(
    () => ({ code: 'none', message: '' }),
    (error) => ({ code: error.code ?? error.name, message: String(error.message) }),
  );
}

const says =
  (...parts: (string | Buffer)[]): Script =>
  (socket) => {
    for (const part of parts) socket.write(part);
    socket.end();
  };

describe('a fetch', () => {
  it('takes a body with a length, in chunks, and up to the end of the connection', async () => {
    const bodies = [
      says(`${OK}Content-Length: 5\r\n\r\nhello`),
      says(`${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n`),
      says(`HTTP/1.0 200 OK\r\n\r\nhel`, 'lo'),
      says(`HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n${OK}Content-Length: 5\r\n\r\nhello`),
      says(`${OK}Content-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello`),
    ];
    for (const script of bodies) expect(String(await fetched(script))).to.equal('hello');
  });

  it('asks for the file as it is, by its name, and closes', async () => {
    let request = '';
    await using source = await aCanary((socket) => {
      socket.on('data', (part) => {
        request += part;
        socket.end(`${OK}Content-Length: 2\r\n\r\nok`);
      });
    });
    const outside = createSafeFetch(
      { allowPrivateNetworks: true, timeoutMs: 400 },
      source.network({ 'media.test': ['10.1.2.3'] }),
    );
    const url = 'http://media.test:8080/a%20b/v.mp4?token=1#part';
    const ask = { url, host: 'media.test:8080', limit: 10, signal: never() };
    await outside.fetch(ask, ({ body }) => buffer(body));
    expect(request).to.match(/^GET \/a%20b\/v\.mp4\?token=1 HTTP\/1\.1\r\n/);
    expect(request).to.match(/^host: media\.test:8080\r$/im);
    expect(request).to.match(/^accept-encoding: identity\r$/im);
    expect(request).to.match(/^connection: close\r$/im);
    expect(request).not.to.match(/^(cookie|authorization|referer|range):/im);
    expect(source.heard).to.deep.equal(['10.1.2.3']);
  });

  it('follows no redirect', async () => {
    for (const status of [300, 301, 302, 303, 304, 307, 308]) {
      const location = 'Location: http://media.test/other\r\nContent-Length: 0\r\n\r\n';
      const { code, message } = await refusal(says(`HTTP/1.1 ${status} Moved\r\n${location}`));
      expect(code, String(status)).to.equal('redirect_not_allowed');
      expect(message).to.contain(String(status));
      expect(message).not.to.contain('other');
    }
  });

  it('names the status of an answer that is no file', async () => {
    for (const status of [201, 204, 206, 401, 403, 404, 410, 429, 500, 503]) {
      const answer = says(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`);
      const { code, message } = await refusal(answer);
      expect(code, String(status)).to.equal('fetch_failed');
      expect(message).to.contain(`HTTP ${status}`);
    }
  });

  it('decompresses nothing: a bomb that says so is refused, one that does not stays as small as it is', async () => {
    const bomb = gzipSync(Buffer.alloc(10_000_000));
    for (const name of ['gzip', 'br', 'deflate', 'zstd', 'gzip, identity', 'x-gzip', 'GZIP']) {
      const head = `${OK}Content-Encoding: ${name}\r\nContent-Length: ${bomb.length}\r\n\r\n`;
      expect((await refusal(says(head, bomb), { limit: 1e6 })).code, name).to.equal('fetch_failed');
    }
    const twice = `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n`;
    expect((await refusal(says(twice, bomb), { limit: 1e6 })).code).to.equal('fetch_failed');
    const plain = await fetched(says(`${OK}Content-Length: ${bomb.length}\r\n\r\n`, bomb), {
      limit: 1e6,
    });
    expect(plain.equals(bomb)).to.equal(true);
  });

  it('refuses what says that it is too large before a byte of it, and what turns out to be', async () => {
    const declared = await refusal(says(`${OK}Content-Length: 1001\r\n\r\n`));
    expect(declared.code).to.equal('too_large');
    const exact = await fetched(says(`${OK}Content-Length: 1000\r\n\r\n`, Buffer.alloc(1000)));
    expect(exact).to.have.length(1000);
    for (const head of [`${OK}Connection: close\r\n\r\n`, 'HTTP/1.0 200 OK\r\n\r\n']) {
      expect((await refusal(says(head, Buffer.alloc(1001)))).code).to.equal('too_large');
    }
    const endless: Script = (socket) => {
      socket.write(`${OK}Transfer-Encoding: chunked\r\n\r\n`);
      const timer = setInterval(() => socket.write(`100\r\n${'x'.repeat(256)}\r\n`), 1);
      socket.on('close', () => clearInterval(timer));
    };
    expect((await refusal(endless)).code).to.equal('too_large');
  });

  it('believes no length that is not kept', async () => {
    const short = await refusal(says(`${OK}Content-Length: 10\r\n\r\nhello`));
    expect(short.code).to.equal('fetch_failed');
    expect(short.message).to.contain('before the file was complete');
    const cut = says(`${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`);
    expect((await refusal(cut)).code).to.equal('fetch_failed');
    const long = says(`${OK}Content-Length: 5\r\n\r\nhello and more`);
    expect(String(await fetched(long).catch(() => 'hello'))).to.equal('hello');
    for (const head of [
      'Content-Length: 5\r\nContent-Length: 6',
      'Content-Length: 5\r\nTransfer-Encoding: chunked',
      'Content-Length: -5',
      'Content-Length: 5x',
      'Content-Length: 99999999999999999999999',
    ]) {
      const { code } = await refusal(says(`${OK}${head}\r\n\r\nhello`));
      expect(code, head).to.be.oneOf(['fetch_failed', 'too_large']);
    }
  });

  it('waits so long for the first byte and in silence, and no longer', async () => {
    const scripts: Record<string, Script> = {
      'no answer': () => {},
      'a header that drips': (socket) => {
        socket.write(OK);
        const timer = setInterval(() => socket.write('X-A: 1\r\n'), 50);
        socket.on('close', () => clearInterval(timer));
      },
      'a body that never begins': (socket) => socket.write(`${OK}Content-Length: 9\r\n\r\n`),
      'a body that stops': (socket) => socket.write(`${OK}Content-Length: 9\r\n\r\nhel`),
    };
    for (const [name, script] of Object.entries(scripts)) {
      const { code, message } = await refusal(script);
      expect(code, name).to.equal('fetch_failed');
      expect(message, name).to.match(/did not answer in time|stopped in the middle/);
    }
  });

  it('does not wait for a resolver that does not answer', async () => {
    await using source = await aCanary();
    const network = { ...source.network(), resolve: () => new Promise<string[]>(() => {}) };
    const outside = createSafeFetch({ allowPrivateNetworks: false, timeoutMs: 200 }, network);
    const ask = { url: 'https://a.example.com/', host: 'a.example.com', limit: 1, signal: never() };
    const code = await outside.fetch(ask, async () => '').catch((error) => error.code);
    expect(code).to.equal('fetch_failed');
  });

  it('takes no other answer than that of a web server, and no endless header', async () => {
    for (const script of [
      says('SSH-2.0-OpenSSH_9.9\r\n'),
      says('+OK ready\r\n'),
      says(''),
      says(`${OK}${'X-Padding: '.padEnd(2000, 'x')}\r\n`.repeat(20)),
      says(`${OK}X: ${'x'.repeat(70_000)}\r\n\r\n`),
      (socket: Socket) => socket.resetAndDestroy(),
    ]) {
      expect((await refusal(script)).code).to.equal('fetch_failed');
    }
  });

  it('stops with the signal, and says why', async () => {
    const control = new AbortController();
    const stalled: Script = (socket) => {
      socket.write(`${OK}Content-Length: 9\r\n\r\nhel`);
      setTimeout(() => control.abort(new Error('The job was cancelled')), 50);
    };
    const { message } = await refusal(stalled, { signal: control.signal });
    expect(message).to.equal('The job was cancelled');
    const before = await refusal(says(''), { signal: AbortSignal.abort(new Error('Too late')) });
    expect(before.message).to.equal('Too late');
  });

  it('passes on what its taker throws, and ends the connection', async () => {
    let closed = 0;
    await using source = await aCanary((socket) => {
      socket.once('data', () => socket.write(`${OK}Content-Length: 9\r\n\r\nhel`));
      socket.on('close', () => {
        closed += 1;
      });
    });
    const outside = createSafeFetch(
      { allowPrivateNetworks: true, timeoutMs: 400 },
      source.network({ 'media.test': ['127.0.0.1'] }),
    );
    const ask = { url: 'http://media.test/', host: 'media.test', limit: 10, signal: never() };
    const fault = await outside
      .fetch(ask, async () => {
        throw new Error('No room');
      })
      .catch((error) => error);
    expect(fault.message).to.equal('No room');
    for (let tries = 0; tries < 100 && closed === 0; tries += 1) await sleep(10);
    expect(closed).to.equal(1);
  });

  it('does not take trouble of its reader for the source’s', async () => {
    await using source = await aCanary((socket) => {
      socket.once('data', () => socket.write(`${OK}Content-Length: 9\r\n\r\nhel`));
    });
    const outside = createSafeFetch(
      { allowPrivateNetworks: true, timeoutMs: 400 },
      source.network({ 'media.test': ['127.0.0.1'] }),
    );
    const ask = { url: 'http://media.test/', host: 'media.test', limit: 10, signal: never() };
    const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
    const storage = new Writable({ write: (_part, _encoding, done) => done(reset) });
    const fault = await outside
      .fetch(ask, ({ body }) => pipeline(body, storage))
      .catch((error) => error);
    expect(fault).to.equal(reset);
  });

  it('tells how much of the body has come, where that is known', async () => {
    const told: number[] = [];
    const progress = (fraction: number) => told.push(fraction);
    await fetched(says(`${OK}Content-Length: 5\r\n\r\nhello`), { progress });
    expect(told.at(-1)).to.equal(1);
    await fetched(says('HTTP/1.0 200 OK\r\n\r\nhello'), {
      progress: () => expect.fail('Nobody knows how much will come'),
    });
  });

  it('goes on to the next address of a host when one cannot be reached', async () => {
    await using source = await aCanary((socket) => {
      socket.once('data', () => socket.end(`${OK}Content-Length: 2\r\n\r\nok`));
    });
    const network = source.network({ 'media.test': ['10.0.0.1', '10.0.0.2'] });
    const { place } = network;
    // Nobody listens on port 1 of loopback.
    network.place = (address, port) =>
      address === '10.0.0.1' ? { address: '127.0.0.1', port: 1 } : place(address, port);
    const outside = createSafeFetch({ allowPrivateNetworks: true, timeoutMs: 400 }, network);
    const ask = { url: 'http://media.test/', host: 'media.test', limit: 10, signal: never() };
    expect(String(await outside.fetch(ask, ({ body }) => buffer(body)))).to.equal('ok');
    expect(source.heard).to.deep.equal(['10.0.0.2']);
  });
});

describe('a fetch over TLS', () => {
  const known = getCACertificates('default');
  const certificate = aCertificate(['media.example.com']);
  after(() => setDefaultCACertificates(known));

  it('asks the judged address for the name’s own certificate', async () => {
    const asked: (string | false | null)[] = [];
    const server = createTlsServer(certificate, (socket) => {
      asked.push(socket.servername);
      socket.once('data', () => socket.end(`${OK}Content-Length: 5\r\n\r\nhello`));
      socket.on('error', () => {});
    });
    const port = await listening(server);
    const heard: string[] = [];
    const outside = createSafeFetch(
      { allowPrivateNetworks: false, timeoutMs: 5_000 },
      {
        resolve: async () => ['93.184.215.14'],
        place(address, number) {
          heard.push(`${address}:${number}`);
          return { address: '127.0.0.1', port };
        },
      },
    );
    const ask = (host: string) =>
      outside
        .fetch({ url: `https://${host}/v.mp4`, host, limit: 10, signal: never() }, ({ body }) =>
          buffer(body),
        )
        .then(String, (error) => `${error.code}: ${error.message}`);
    try {
      expect(await ask('media.example.com')).to.match(/^fetch_failed: The TLS certificate/);
      setDefaultCACertificates([...known, certificate.cert]);
      expect(await ask('media.example.com')).to.equal('hello');
      expect(await ask('other.example.com')).to.match(/^fetch_failed: The TLS certificate/);
      expect(heard.every((each) => each === '93.184.215.14:443')).to.equal(true);
      expect(asked).to.include('media.example.com');
    } finally {
      server.close();
    }
  });
});
