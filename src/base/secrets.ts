// Seals and opens secrets (AES-256-GCM), and makes, hashes and compares tokens.
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';

export interface Secrets {
  /**
   * Encrypts under the first key. `context` (e.g. `grants.refresh_token:<creator>`) is
   * authenticated: a sealed value that is moved to another row or column does not open.
   */
  seal(plain: string, context: string): string;
  /** Decrypts. Throws if the value was changed, moved, or sealed under a key that is gone. */
  open(sealed: string, context: string): string;
  /** Returns HMAC-SHA-256 in hex, for look-ups of values that must not be guessable. */
  keyedHash(text: string, purpose: string): string;
  /** Returns the hash under every key, for look-ups of values that an older key may have hashed. */
  keyedHashes(text: string, purpose: string): string[];
}

const FORMAT = 'v1';

/**
 * `keys` are base64 of 32 or more bytes. The first one seals and all of them open, for rotation.
 */
export function createSecrets(keys: string[]): Secrets {
  const ring = new Map(
    keys.map((key) => {
      const bytes = Buffer.from(key, 'base64');
      const derived = Buffer.from(hkdfSync('sha256', bytes, '', 'pm3k seal', 32));
      return [sha256(`id:${key}`).slice(0, 8), derived] as const;
    }),
  );
  const [currentId, currentKey] = [...ring][0] as [string, Buffer];

  return {
    seal(plain, context) {
      const iv = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', currentKey, iv);
      cipher.setAAD(Buffer.from(context));
      const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
      const packed = Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url');
      return `${FORMAT}.${currentId}.${packed}`;
    },
    open(sealed, context) {
      const [format, keyId, packed] = sealed.split('.');
      const key = ring.get(keyId ?? '');
      if (format !== FORMAT || !key || !packed) {
        throw new Error('Expected a secret sealed under a key of APP_SECRET, found another one');
      }
      const bytes = Buffer.from(packed, 'base64url');
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12));
      decipher.setAAD(Buffer.from(context));
      decipher.setAuthTag(bytes.subarray(12, 28));
      return decipher.update(bytes.subarray(28), undefined, 'utf8') + decipher.final('utf8');
    },
    keyedHash: (text, purpose) => hashUnder(currentKey, text, purpose),
    keyedHashes: (text, purpose) => [...ring.values()].map((key) => hashUnder(key, text, purpose)),
  };
}

function hashUnder(key: Buffer, text: string, purpose: string): string {
  return createHmac('sha256', key).update(`${purpose}\n${text}`).digest('hex');
}

/** Returns SHA-256 in hex. Tokens of 160 random bits and more need no slower hash. */
export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Returns an unguessable token of letters and digits with at least `bits` of randomness. */
export function randomToken(bits = 256): string {
  const length = Math.ceil(bits / Math.log2(62));
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
  let token = '';
  while (token.length < length) {
    for (const byte of randomBytes(length)) {
      // 248 is the largest multiple of 62 below 256. Larger bytes would favour the first letters.
      if (byte < 248 && token.length < length) token += alphabet[byte % 62];
    }
  }
  return token;
}

/** Compares in constant time. Texts of different lengths are not equal. */
export function isEqual(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)];
  return x.length === y.length && timingSafeEqual(x, y);
}
