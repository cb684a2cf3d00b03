// Derives the backups' key from APP_SECRET, as an identity that the standard age tool also takes.
import { hkdfSync } from 'node:crypto';
import { bech32 } from '@scure/base';
import { identityToRecipient } from 'age-encryption';

/**
 * Returns an X25519 identity as `age -i` reads it from a file. `secret`: one key of APP_SECRET,
 * base64.
 */
export function deriveIdentity(secret: string): string {
  const key = hkdfSync('sha256', Buffer.from(secret, 'base64'), '', 'pm3k backup', 32);
  return bech32.encodeFromBytes('AGE-SECRET-KEY-', new Uint8Array(key)).toUpperCase();
}

/**
 * Returns the recipient of new backups: the first key alone, since the others are being replaced.
 */
export async function deriveRecipient(secrets: string[]): Promise<string> {
  return identityToRecipient(deriveIdentity(secrets[0] as string));
}
