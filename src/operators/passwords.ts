// Operators' passwords: argon2id, and the same work for those that nobody has.
import { hash, verify } from '@node-rs/argon2';
import { randomToken } from '../base/secrets.ts';

export const SHORTEST = 12;
const LONGEST = 200;

// Argon2id, the library's own choice, with what OWASP asks for: 19 MiB, two passes, one lane.
const COST = {
  memoryCost: 19_456,
  timeCost: 2,
  parallelism: 1,
};

let nobody: Promise<string> | undefined;

export async function hashPassword(password: string): Promise<string> {
  return hash(normal(password), COST);
}

/** Without a hash it compares with one that nothing matches, so that the answer takes as long. */
export async function isPassword(hashed: string | null, password: string): Promise<boolean> {
  nobody ??= hashPassword(randomToken());
  const isRight = await verify(hashed ?? (await nobody), normal(password));
  return isRight && hashed !== null;
}

/** Why this is no password to set, in words; null when it is one. */
export function faultOfPassword(password: string): string | null {
  const { length } = [...normal(password)];
  if (length < SHORTEST) return `Expected ${SHORTEST} or more characters.`;
  if (length > LONGEST) return `Expected at most ${LONGEST} characters.`;
  return null;
}

/** The same letters from another keyboard are the same password. */
function normal(password: string): string {
  return password.normalize('NFKC');
}
