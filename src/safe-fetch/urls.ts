// Checks, without the network, the hosts and URLs that a creator may name.
import { isIPv4 } from 'node:net';
import { Problem } from '../base/errors.ts';

/** `allowPrivateNetworks`: for a closed test network; http, any port and any host are allowed. */
export interface Policy {
  allowPrivateNetworks: boolean;
}

const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/;
const TOP_LEVEL = /^(?:[a-z]{2,63}|xn--[a-z0-9-]{1,59})$/;
/** Names that public DNS does not know and that mean local hosts (RFC 6761, 6762, 8375, 9476). */
const NEAR = ['localhost', 'local', 'internal', 'invalid', 'test', 'onion', 'alt', 'home.arpa'];

/**
 * Returns the URL as it will be requested: host in lower case and punycode, no trailing dot, no
 * fragment.
 *
 * @throws Problem `url_not_allowed`
 */
export function judgeUrl(text: string, policy: Policy): URL {
  // Parsers strip line breaks and read \ as /; a URL with them may not mean what it shows.
  const isPlain = ![...text].some((sign) => sign <= ' ' || sign === '\\' || sign === '\x7f');
  const url = isPlain ? URL.parse(text) : null;
  if (!url) throw refused('This is not a URL. Expected one such as https://example.com/video.mp4.');
  const isHttp = url.protocol === 'http:' && policy.allowPrivateNetworks;
  if (url.protocol !== 'https:' && !isHttp) throw refused('The URL must begin with https://.');
  if (url.username || url.password) throw refused('The URL must not contain a name or password.');
  if (url.port && !policy.allowPrivateNetworks) {
    throw refused('The URL must not name a port: we use only the usual one, 443.');
  }
  url.hostname = judgeHostname(url.hostname, policy);
  url.hash = '';
  return url;
}

/**
 * Returns a host that a creator typed, in the form in which URLs are compared with it (`toHost`).
 *
 * @throws Problem `invalid_request` at `/host` for a text that is not a host; `url_not_allowed` for
 *   a host that is not public.
 */
export function judgeHost(text: string, policy: Policy): string {
  // Verification uses this scheme, so its default port is dropped.
  const scheme = policy.allowPrivateNetworks ? 'http' : 'https';
  const isHost = /^[^\s/?#@\\%<>^|"`{}]+$/u.test(text);
  const url = isHost ? URL.parse(`${scheme}://${text}/`) : null;
  if (!url?.hostname) throw notAHost();
  const namesPort = /:\d*$/.test(text) && !text.endsWith(']');
  if (namesPort && !policy.allowPrivateNetworks) throw notAHost();
  url.hostname = judgeHostname(url.hostname, policy);
  return toHost(url);
}

/** Returns the host, with the port if it is not the scheme's default. */
export function toHost(url: URL): string {
  return url.host;
}

/** Checks a hostname in which the URL parser has normalised numbers, wide letters and escapes. */
function judgeHostname(given: string, policy: Policy): string {
  const hostname = given.replace(/\.$/, '').toLowerCase();
  if (policy.allowPrivateNetworks) return hostname;
  if (isIPv4(hostname) || hostname.includes(':')) {
    throw refused('An IP address cannot be used. Name the host by its domain.');
  }
  const labels = hostname.split('.');
  const isNear = NEAR.some((name) => hostname === name || hostname.endsWith(`.${name}`));
  if (isNear || labels.length < 2) {
    throw refused('This host is not reachable from the internet. Name a public domain.');
  }
  const isName =
    hostname.length <= 253 &&
    labels.every((label) => LABEL.test(label)) &&
    TOP_LEVEL.test(labels.at(-1) ?? '');
  if (!isName) throw refused('This is not the name of a public host.');
  return hostname;
}

function refused(sentence: string): Problem {
  return new Problem('url_not_allowed', sentence);
}

function notAHost(): Problem {
  const message = 'Expected a host alone, such as media.example.com: no https://, port or path.';
  return new Problem('invalid_request', message, { errors: [{ pointer: '/host', message }] });
}
