// Connects to an address that was judged: the name is resolved once, and nobody looks it up again.
import { isIP } from 'node:net';
import { buildConnector } from 'undici';
import { Problem } from '../base/errors.ts';
import { isPublicAddress } from './addresses.ts';
import type { Network } from './network.ts';
import type { Policy } from './urls.ts';

const CONNECT_MS = 10_000;
const MOST_ADDRESSES = 4;
/** What another address of the same host may not suffer from. */
const UNREACHED =
  /^(ECONNREFUSED|ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|UND_ERR_CONNECT_TIMEOUT)$/;

/**
 * All addresses of the host, each of them public. One that is not refuses the host as a whole: a
 * name that is also the name of something near us is no creator's. Throws `url_not_allowed`, or what
 * the resolver threw.
 */
export async function judgedAddresses(
  url: URL,
  network: Network,
  { allowPrivateNetworks }: Policy,
): Promise<string[]> {
  const literal = url.hostname.replace(/^\[|\]$/g, '');
  const addresses = isIP(literal) ? [literal] : await network.resolve(url.hostname);
  if (!allowPrivateNetworks && !addresses.every(isPublicAddress)) {
    throw new Problem(
      'url_not_allowed',
      `${url.hostname} leads to an address that is not public, so it is not asked.`,
    );
  }
  return addresses.slice(0, MOST_ADDRESSES);
}

/** Tries these addresses in turn. Certificate and Host header stay the name's. */
export function connectTo(addresses: string[], network: Network): buildConnector.connector {
  const connect = buildConnector({ timeout: CONNECT_MS, allowH2: false, maxCachedSessions: 0 });
  return (options, callback) => {
    const { protocol, port, hostname } = options;
    const number = Number(port || (protocol === 'https:' ? 443 : 80));
    const [first, ...others] = addresses;
    if (first === undefined) {
      callback(Object.assign(new Error('No address'), { code: 'ENOTFOUND' }), null);
      return;
    }
    const attempt = (address: string, rest: string[]): void => {
      const place = network.place(address, number);
      const to = { ...options, hostname: place.address, port: String(place.port) };
      // TLS has names alone; without one it would take the address for it.
      const named = protocol === 'https:' && !isIP(hostname) ? { ...to, servername: hostname } : to;
      connect(named, (...[error, socket]) => {
        const [next, ...later] = rest;
        if (error && next !== undefined && UNREACHED.test(findCode(error))) attempt(next, later);
        else if (error) callback(error, null);
        else callback(null, socket);
      });
    };
    attempt(first, others);
  };
}

function findCode(error: Error): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}
