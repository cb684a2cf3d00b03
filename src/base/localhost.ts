// Decides whether a URL names this machine.

/** Returns true for `localhost`, `127.0.0.1` and `[::1]`. */
export function isLocalhost(url: string): boolean {
  if (!URL.canParse(url)) return false;
  return ['localhost', '127.0.0.1', '[::1]'].includes(new URL(url).hostname);
}
