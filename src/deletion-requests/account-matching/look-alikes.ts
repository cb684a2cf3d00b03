// Tells whether two usernames look alike: similar letters, ignored dots, or one typing slip.

/** Letter or pair → the letter it looks like in common fonts. */
const FOLDED: Record<string, string> = {
  '0': 'o',
  '1': 'l',
  i: 'l',
  '|': 'l',
  '3': 'e',
  '5': 's',
  '8': 'b',
  rn: 'm',
  vv: 'w',
  cl: 'd',
  а: 'a',
  в: 'b',
  е: 'e',
  ё: 'e',
  з: 'e',
  і: 'l',
  ї: 'l',
  ӏ: 'l',
  ј: 'j',
  к: 'k',
  м: 'm',
  н: 'h',
  о: 'o',
  р: 'p',
  с: 'c',
  ѕ: 's',
  т: 't',
  у: 'y',
  х: 'x',
  ԁ: 'd',
  ԛ: 'q',
  ԝ: 'w',
  α: 'a',
  β: 'b',
  ε: 'e',
  ι: 'l',
  κ: 'k',
  ν: 'v',
  ο: 'o',
  ρ: 'p',
  τ: 't',
  υ: 'u',
  χ: 'x',
  ı: 'l',
  ø: 'o',
  ł: 'l',
  ß: 'b',
};
const PAIRS = /rn|vv|cl/g;
/** Names below this length are not compared for a slip: too many differ by one letter. */
const SHORT = 4;

/** Returns the name with look-alike letters replaced and dots, underscores and accents removed. */
export function toSkeleton(name: string): string {
  const plain = name
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/[._\-\s@]/g, '')
    .replaceAll(PAIRS, (pair) => FOLDED[pair] ?? pair);
  return [...plain].map((letter) => FOLDED[letter] ?? letter).join('');
}

/** Whether these are different names that a hurried reader may confuse. */
export function areLookAlikes(one: string, other: string): boolean {
  if (one.toLowerCase() === other.toLowerCase()) return false;
  const [a, b] = [toSkeleton(one), toSkeleton(other)];
  if (a === b) return true;
  return Math.min(a.length, b.length) >= SHORT && isOneSlip(a, b);
}

/** Whether one letter was added, left out or replaced, or two neighbours were swapped. */
function isOneSlip(a: string, b: string): boolean {
  if (a.length > b.length) return isOneSlip(b, a);
  let at = 0;
  while (at < a.length && a[at] === b[at]) at += 1;
  const [restA, restB] = [a.slice(at), b.slice(at)];
  if (restA.length < restB.length) return restA === restB.slice(1);
  const isSwapped = restA[0] === restB[1] && restA[1] === restB[0];
  return restA.slice(1) === restB.slice(1) || (isSwapped && restA.slice(2) === restB.slice(2));
}
