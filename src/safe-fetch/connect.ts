// Resolves a host once, checks its addresses, and connects to these without another look-up.
import { isIP } from 'node:net';
import { buildConnector } from 'undici';
import { Problem } from '../base/errors.ts';
import { isPublicAddress } from './addresses.ts';
import type { Network } from './network.ts';
import type { Policy } from './urls.ts';

const CONNECT_MS = 10_000;
const MAX_ADDRESSES = 4;
/** Faults of one address, after which the host's next address is tried. */
const UNREACHED =
  /^(ECONNREFUSED|ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|UND_ERR_CONNECT_TIMEOUT)$/;

/**
 * Returns up to four addresses of the host. One address that is not public refuses the whole host,
 * since a creator's server has no name that also leads into our network.
 *
 * @throws Problem `url_not_allowed`; else the resolver's error.
 */
export async function resolvePublic(
  url: URL,
  network: Network,
  { allowPrivateNetworks }: Policy,
): Promise<string[]> {
  const literal = url.hostname.replace(/^\[|\]$/g, '');
  const addresses = isIP(literal) ? [literal] : await network.resolve(url.hostname);
  if (!allowPrivateNetworks && !addresses.every(isPublicAddress)) {
    throw new Problem(
      'url_not_allowed',
      `${url.hostname} leads to an address that is not public, so we do not connect to it.`,
    );
  }
  return addresses.slice(0, MAX_ADDRESSES);
}

/**
 * Returns a connector that tries these addresses in turn; certificate and Host header are the
 * name's.
 */
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
      // The certificate is checked for the host's name; without `servername` it would be the
      // address.
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
