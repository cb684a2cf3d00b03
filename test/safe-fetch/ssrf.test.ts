// Shows that no URL, address or redirect leads into our own network.
import { isIP } from 'node:net';
import { expect } from 'chai';
import fc from 'fast-check';
import { Problem } from '../../src/base/errors.ts';
import { createSafeFetch } from '../../src/safe-fetch/fetch.ts';
import { judgeHost, judgeUrl, type Policy } from '../../src/safe-fetch/urls.ts';
import { aCanary, type Canary } from '../support/canary.ts';

const STRICT = { allowPrivateNetworks: false, timeoutMs: 5_000 };
const PUBLIC = '93.184.215.14';

/** URLs that are refused by their text, without asking DNS. */
const LOOKS = [
  // Schemes.
  ...['http://media.example.com/v.mp4', 'ftp://media.example.com/v.mp4', 'file:///etc/passwd'],
  ...['gopher://media.example.com/', 'data:video/mp4;base64,AAAA', 'javascript:alert(1)'],
  ...['ws://media.example.com/', 'blob:https://media.example.com/1', '//media.example.com/v.mp4'],
  ...['media.example.com/v.mp4', '', 'https://', 'https:///', 'about:blank'],
  // Ports and credentials.
  ...['https://media.example.com:80/', 'https://media.example.com:8443/'],
  ...['https://media.example.com:22/', 'https://media.example.com:65536/'],
  ...['https://me@media.example.com/', 'https://me:secret@media.example.com/'],
  ...['https://media.example.com@127.0.0.1/', 'https://127.0.0.1\\@media.example.com/'],
  // IPv4 in every spelling.
  ...['https://127.0.0.1/', 'https://127.1/', 'https://127.0.1/', 'https://2130706433/'],
  ...['https://0x7f000001/', 'https://0x7f.0.0.1/', 'https://0177.0.0.1/', 'https://017700000001/'],
  ...['https://127.0.0.1./', 'https://127.0.0.1../', 'https://0/', 'https://0.0.0.0/'],
  ...['https://１２７.0.0.1/', 'https://①②⑦.0.0.1/', 'https://127。0。0。1/'],
  ...['https://%31%32%37.0.0.1/', 'https://127.0.0.1%2e/', 'https://%30x7f.1/'],
  ...[
    'https://10.0.0.1/',
    'https://192.168.1.1/',
    'https://172.16.0.1/',
    'https://169.254.169.254/',
  ],
  ...['https://0xa9fea9fe/', 'https://2852039166/', 'https://255.255.255.255/'],
  ...[`https://${PUBLIC}/`, 'https://1.2.3.4.5/', 'https://256.1.1.1/'],
  // IPv6.
  ...[
    'https://[::1]/',
    'https://[::]/',
    'https://[0:0:0:0:0:0:0:1]/',
    'https://[::ffff:127.0.0.1]/',
  ],
  ...['https://[::ffff:7f00:1]/', 'https://[::127.0.0.1]/', 'https://[64:ff9b::7f00:1]/'],
  ...['https://[fe80::1]/', 'https://[fe80::1%25eth0]/', 'https://[fd00:ec2::254]/'],
  ...['https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/', 'https://[::1', 'https://[1::2::3]/'],
  // Names of local hosts.
  ...['https://localhost/', 'https://LOCALHOST/', 'https://localhost./', 'https://a.localhost/'],
  ...['https://ｌｏｃａｌｈｏｓｔ/', 'https://metadata.google.internal/', 'https://printer.local/'],
  ...[
    'https://router/',
    'https://db/',
    'https://nas.home.arpa/',
    'https://a.onion/',
    'https://a.test/',
  ],
  // Not names of hosts.
  ...['https://a..example.com/', 'https://-a.example.com/', 'https://.example.com/'],
  ...['https://media.example.123x/', 'https://example..com/', 'https://exa mple.com/'],
  ...['https://exa\nmple.com/', 'https://media.example.com/\tv.mp4', ' https://media.example.com/'],
  ...['https://media.example.com\\v.mp4', 'https://exa%00mple.com/', 'https://a%2fb.example.com/'],
  ...[`https://${'a'.repeat(64)}.example.com/`, `https://${'a.'.repeat(130)}com/`],
  ...['https://xn--/', 'https://exa<mple.com/', 'https://\ud800.example.com/'],
];

/** Addresses that DNS may return for a host; each of them refuses the host. */
const ADDRESSES = [
  // IPv4: RFC 6890 and its successors.
  ...['0.0.0.0', '0.1.2.3', '10.0.0.1', '10.255.255.255', '100.64.0.1', '100.100.100.200'],
  ...['100.127.255.255', '127.0.0.1', '127.255.255.254', '169.254.0.1', '169.254.169.254'],
  ...['172.16.0.1', '172.31.255.255', '192.0.0.1', '192.0.0.192', '192.0.2.1', '192.31.196.1'],
  ...['192.52.193.1', '192.88.99.1', '192.168.0.1', '192.168.255.255', '192.175.48.1'],
  ...['198.18.0.1', '198.19.255.255', '198.51.100.1', '203.0.113.1', '224.0.0.1'],
  ...['239.255.255.250', '240.0.0.1', '255.255.255.254', '255.255.255.255', '168.63.129.16'],
  // IPv6.
  ...['::', '::1', '::2', 'fe80::1', 'fe80::1%eth0', 'febf::1', 'fec0::1', 'feff::1', 'fc00::1'],
  ...['fd00:ec2::254', 'fdff::1', 'ff02::1', 'ff0e::1', '100::1', '100:0:0:1::1'],
  ...['2001:db8::1', '3fff::1', '3fff:fff::1', '2001:2::1', '2001:10::1', '2001:20::1'],
  ...['2001:30::1', '2001:1::1', '2001:3::1', '2001:4:112::1', '2620:4f:8000::1', '5f00::1'],
  ...['4000::1', '8000::1', 'e000::1', '::1234', '0:1::1'],
  // IPv6 that contains an IPv4 address, private or not.
  ...['::ffff:127.0.0.1', '::ffff:10.0.0.1', `::ffff:${PUBLIC}`, '::ffff:0:127.0.0.1'],
  ...['::127.0.0.1', '::10.0.0.1', `::${PUBLIC}`, '64:ff9b::127.0.0.1', `64:ff9b::${PUBLIC}`],
  ...['64:ff9b:1::a00:1', '2002:7f00:1::1', '2002:a00:1::1', '2002:5db8:d70e::1'],
  ...['2001:0:7f00:1::1', '2001::1', '2a00:1450:4001:1:0:5efe:7f00:1'],
  ...['2a00:1450:4001:1:200:5efe:a00:1'],
  // Not addresses.
  ...['', 'localhost', '0x7f.1', '127.1', '2130706433', '127.0.0.1:80', '[::1]', '1.2.3'],
];

function allowed(text: string, policy: Policy): URL | null {
  try {
    return judgeUrl(text, policy);
  } catch (error) {
    if (error instanceof Problem) return null;
    throw error;
  }
}

describe('the guard', () => {
  let canary: Canary;
  before(async () => {
    canary = await aCanary();
  });
  after(() => canary[Symbol.asyncDispose]());

  async function codeOf(url: string, names: Parameters<Canary['network']>[0] = {}) {
    const outside = createSafeFetch(STRICT, canary.network(names));
    const ask = { host: hostIn(url), limit: 1000, signal: new AbortController().signal };
    return outside
      .fetch({ url, ...ask }, async () => 'taken')
      .catch((error) => {
        if (error instanceof Problem) return error.code;
        throw error;
      });
  }

  /** A host that answers everything, so that only the guard can refuse. */
  function hostIn(url: string): string {
    return URL.parse(url)?.host ?? '';
  }

  it('has at least eighty forms to refuse', () => {
    expect(new Set([...LOOKS, ...ADDRESSES]).size).to.be.greaterThan(150);
  });

  for (const url of LOOKS) {
    it(`refuses ${JSON.stringify(url.slice(0, 60))} by its looks`, async () => {
      const everywhere = new Proxy({}, { get: () => [PUBLIC] });
      expect(await codeOf(url, everywhere)).to.equal('url_not_allowed');
      expect(canary.heard).to.deep.equal([]);
      expect(canary.resolved).to.deep.equal([]);
    });
  }

  for (const address of ADDRESSES) {
    it(`refuses a host at ${JSON.stringify(address)}, alone and among public ones`, async () => {
      for (const answers of [[address], [PUBLIC, address], [address, PUBLIC]]) {
        const code = await codeOf('https://media.example.com/v.mp4', {
          'media.example.com': answers,
        });
        expect(code, answers.join()).to.equal('url_not_allowed');
      }
      expect(canary.heard).to.deep.equal([]);
      canary.resolved.length = 0;
    });
  }

  it('refuses a host other than the verified one, its parents and children included', async () => {
    for (const host of ['example.com', 'media.example.com', 'b.a.example.com', 'aexample.com']) {
      const outside = createSafeFetch(STRICT, canary.network({ 'a.example.com': [PUBLIC] }));
      const ask = { url: 'https://a.example.com/', host, limit: 10, signal: AbortSignal.any([]) };
      const code = await outside.fetch(ask, async () => 'taken').catch((error) => error.code);
      expect(code, host).to.equal('url_not_allowed');
    }
    expect(canary.heard).to.deep.equal([]);
  });

  it('lets through, of whatever is written, https on public names alone, and the same again', () => {
    const policy = { allowPrivateNetworks: false };
    const parts = fc.constantFrom(
      ...['https://', 'https:', '//', '/', '\\', '@', ':', '.', '%2e', '#', '?', '[', ']', '::1'],
      ...['127', '0x7f', '017', '1', 'a', 'b.com', '.com', 'localhost', 'xn--', '。', '１', '\t'],
    );
    const urls = fc.oneof(
      fc.array(parts, { maxLength: 8 }).map((all) => all.join('')),
      fc.webUrl(),
    );
    let letThrough = 0;
    fc.assert(
      fc.property(urls, (text) => {
        const judged = allowed(text, policy);
        if (!judged) return;
        letThrough += 1;
        expect(judged.href).to.match(/^https:\/\/[a-z0-9_-]+(\.[a-z0-9_-]+)*\.[a-z][a-z0-9-]+\//);
        expect(isIP(judged.hostname)).to.equal(0);
        expect(allowed(judged.href, policy)?.href).to.equal(judged.href);
        expect(judgeHost(judged.host, policy)).to.equal(judged.host);
      }),
      { numRuns: 3_000 },
    );
    expect(letThrough).to.be.greaterThan(100);
  });

  it('connects to what it judged, once, and the canary can hear', async () => {
    let asked = 0;
    const turning = () => {
      asked += 1;
      return asked === 1 ? [PUBLIC] : ['127.0.0.1'];
    };
    const code = await codeOf('https://media.example.com/', { 'media.example.com': turning });
    expect(code).to.equal('fetch_failed');
    expect(canary.heard).to.deep.equal([PUBLIC]);
    expect(asked).to.equal(1);
    expect(await codeOf('https://media.example.com/', { 'media.example.com': turning })).to.equal(
      'url_not_allowed',
    );
    expect(canary.heard).to.deep.equal([PUBLIC]);
  });

  it('takes the usual port by its number, and any spelling of the verified name', async () => {
    canary.heard.length = 0;
    for (const url of [
      'https://media.example.com:443/v.mp4',
      'https://MEDIA.Example.COM/v.mp4',
      'https://media.example.com./v.mp4#part',
      'https://ｍｅｄｉａ.example.com/',
    ]) {
      const outside = createSafeFetch(STRICT, canary.network({ 'media.example.com': [PUBLIC] }));
      const ask = { host: 'media.example.com', limit: 10, signal: AbortSignal.any([]) };
      const code = await outside
        .fetch({ url, ...ask }, async () => '')
        .catch((error) => error.code);
      expect(code, url).to.equal('fetch_failed');
    }
    expect(canary.heard).to.deep.equal([PUBLIC, PUBLIC, PUBLIC, PUBLIC]);
  });
});
