// Hashes and verifies operators' passwords with argon2id, in the same time for unknown emails.
import { hash, verify } from '@node-rs/argon2';
import { randomToken } from '../base/secrets.ts';

export const SHORTEST = 12;
const LONGEST = 200;

// The library chooses argon2id by itself. OWASP asks for 19 MiB, two passes and one lane:
// https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
const COST = {
  memoryCost: 19_456,
  timeCost: 2,
  parallelism: 1,
};

let dummyHash: Promise<string> | undefined;

export async function hashPassword(password: string): Promise<string> {
  return hash(normalize(password), COST);
}

/** Verifies a dummy hash where there is none, so that timing does not reveal which emails exist. */
export async function isPassword(hashed: string | null, password: string): Promise<boolean> {
  dummyHash ??= hashPassword(randomToken());
  const isRight = await verify(hashed ?? (await dummyHash), normalize(password));
  return isRight && hashed !== null;
}

/** Returns why this password cannot be set, as a sentence; null when it can. */
export function findPasswordFault(password: string): string | null {
  const { length } = [...normalize(password)];
  if (length < SHORTEST) return `Expected ${SHORTEST} or more characters.`;
  if (length > LONGEST) return `Expected at most ${LONGEST} characters.`;
  return null;
}

/** Keyboards may send the same letter as different code points; NFKC makes them one. */
function normalize(password: string): string {
  return password.normalize('NFKC');
}
