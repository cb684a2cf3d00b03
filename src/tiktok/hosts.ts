// The hosts that may be sent files: any other upload address is refused before a byte leaves.
import { isLocalhost } from '../base/localhost.ts';
import { TikTokError } from './errors.ts';

/**
 * Patterns are `host` or `host:port`; `*.` in front takes any subdomain. A pattern without a port
 * means https on 443. http is allowed to this machine alone, and only with a port in the pattern.
 *
 * @throws TikTokError `upload_url_not_allowed`
 */
export function assertUploadHost(uploadUrl: string, patterns: string[]): URL {
  const url = URL.parse(uploadUrl);
  const isAllowed =
    url !== null &&
    !url.username &&
    !url.password &&
    patterns.some((pattern) => matches(url, pattern.toLowerCase()));
  if (!isAllowed) throw new TikTokError({ kind: 'refused', code: 'upload_url_not_allowed' });
  return url;
}

function matches(url: URL, pattern: string): boolean {
  const [, host = '', port = ''] = /^(.*?)(?::(\d+))?$/.exec(pattern) ?? [];
  const actualPort = url.port || (url.protocol === 'https:' ? '443' : '80');
  if (url.protocol === 'https:') {
    if (actualPort !== (port || '443')) return false;
  } else if (url.protocol !== 'http:' || !port || port !== actualPort || !isLocalhost(url.href)) {
    return false;
  }
  if (host.startsWith('*.')) {
    return url.hostname.endsWith(host.slice(1)) && url.hostname.length > host.length - 1;
  }
  return url.hostname === host;
}
