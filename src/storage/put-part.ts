// Sends one part to its signed URL without copying it; the client library would make three copies.
import { createHash } from 'node:crypto';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { text } from 'node:stream/consumers';
import { S3Errors } from '@bradenmacdonald/s3-lite-client';

const IDLE_MS = 120_000;

/**
 * Returns the part's ETag, without quotes.
 *
 * @throws S3Errors.ServerError when the server refuses the part; Error when it cannot be reached.
 */
export function putPart(url: string, part: Uint8Array): Promise<string> {
  const request = url.startsWith('https:') ? requestHttps : requestHttp;
  const headers = {
    'Content-Length': part.length,
    // The signature does not cover the body, so the server checks the body by its MD5.
    'Content-MD5': createHash('md5').update(part).digest('base64'),
  };
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method: 'PUT', headers, timeout: IDLE_MS });
    outgoing.once('timeout', () => outgoing.destroy(new Error('The storage fell silent')));
    outgoing.once('error', reject);
    outgoing.once('response', (answer) => {
      text(answer).then((body) => {
        const tag = answer.headers.etag;
        if (answer.statusCode === 200 && tag) return resolve(tag.replaceAll('"', ''));
        const code = /<Code>([^<]*)<\/Code>/.exec(body)?.[1] ?? 'UnrecognizedError';
        reject(new S3Errors.ServerError(answer.statusCode ?? 500, code, 'The part was refused.'));
      }, reject);
    });
    outgoing.end(part);
  });
}
