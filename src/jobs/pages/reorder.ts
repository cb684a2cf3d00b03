// Moves a photo among the others, as a button of the composer says.

/** `act` is `earlier:<key>`, `later:<key>` or `remove:<key>`; anything else changes nothing. */
export function reorder(keys: string[], act: string | undefined): string[] {
  const [, move, key = ''] = /^(earlier|later|remove):(.+)$/.exec(act ?? '') ?? [];
  const from = keys.indexOf(key);
  if (!move || from === -1) return keys;
  const others = keys.filter((_, index) => index !== from);
  if (move === 'remove') return others;
  const to = Math.max(0, from + (move === 'earlier' ? -1 : 1));
  return [...others.slice(0, to), key, ...others.slice(to)];
}
