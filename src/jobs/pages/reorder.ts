// Moves or removes a photo of a post, as a button of the composer says.

/** `button` is `earlier:<key>`, `later:<key>` or `remove:<key>`; anything else changes nothing. */
export function reorder(keys: string[], button: string | undefined): string[] {
  const [, move, key = ''] = /^(earlier|later|remove):(.+)$/.exec(button ?? '') ?? [];
  const from = keys.indexOf(key);
  if (!move || from === -1) return keys;
  const others = keys.filter((_, index) => index !== from);
  if (move === 'remove') return others;
  const to = Math.max(0, from + (move === 'earlier' ? -1 : 1));
  return [...others.slice(0, to), key, ...others.slice(to)];
}
