// Checks AWS Signature Version 4 of a request, by its specification and not by the client's code.
import { createHash, createHmac } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, data: string) =>
  createHmac('sha256', key).update(data).digest();
const encoded = (text: string) =>
  encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );

/**
 * Of the headers, or of an address that was signed beforehand.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function isSigned(incoming: IncomingMessage, body: Buffer, secret: string): boolean {
  const { method, url = '', headers } = incoming;
  const { pathname, searchParams } = new URL(url, 'http://x');
  const given = signatureOf(headers.authorization, searchParams);
  const md5 = headers['content-md5'];
  if (md5 !== undefined && md5 !== createHash('md5').update(body).digest('base64')) return false;
  const hash = given?.is_address ? 'UNSIGNED-PAYLOAD' : headers['x-amz-content-sha256'];
  if (!given || (!given.is_address && hash !== sha256(body))) return false;
  const { day, region, signed, signature } = given;
  const query = [...searchParams]
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort()
    .join('&');
  const lines = signed.split(';').map((name) => `${name}:${String(headers[name]).trim()}\n`);
  const request = [method, pathname, query, lines.join(''), signed, hash].join('\n');
  const scope = `${day}/${region}/s3/aws4_request`;
  const at = headers['x-amz-date'] ?? searchParams.get('X-Amz-Date');
  const text = ['AWS4-HMAC-SHA256', at, scope, sha256(request)].join('\n');
  const key = [day, region, 's3', 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${secret}`);
  return hmac(key, text).toString('hex') === signature;
}

function signatureOf(header: string | undefined, query: URLSearchParams) {
  const isAddress = query.has('X-Amz-Signature');
  const [credential = '', signed = '', signature = ''] = isAddress
    ? ['Credential', 'SignedHeaders', 'Signature'].map((name) => query.get(`X-Amz-${name}`) ?? '')
    : (
        /Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=(\w+)/.exec(header ?? '') ?? []
      ).slice(1);
  const [, day = '', region = '', service, kind] = credential.split('/');
  if (service !== 's3' || kind !== 'aws4_request') return undefined;
  return { is_address: isAddress, day, region, signed, signature };
}
