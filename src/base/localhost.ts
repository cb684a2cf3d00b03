// Says whether a URL names this very machine, as the configuration means "localhost".

/** `localhost`, `127.0.0.1` or `[::1]`; anything else is not local. */
export function isLocalhost(url: string): boolean {
  if (!URL.canParse(url)) return false;
  return ['localhost', '127.0.0.1', '[::1]'].includes(new URL(url).hostname);
}
