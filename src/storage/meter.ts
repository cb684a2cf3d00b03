// Counts and hashes the bytes of a stream, and fails a stream that is larger than allowed.
import { createHash } from 'node:crypto';
import { Transform } from 'node:stream';
import { Problem } from '../base/errors.ts';

/**
 * Returns a stream to pipe through. After its end `bytes()` and `sha256()` (hex) describe what came
 * through; over `limit` bytes it fails with the Problem `too_large`.
 */
export function createMeter(limit: number) {
  const hash = createHash('sha256');
  let bytes = 0;
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes > limit) {
        done(
          new Problem(
            'too_large',
            `The file is larger than ${limit / 1_000_000} MB, the most this plan takes.`,
          ),
        );
        return;
      }
      hash.update(chunk);
      done(null, chunk);
    },
  });
  return { stream, bytes: () => bytes, sha256: () => hash.digest('hex') };
}
