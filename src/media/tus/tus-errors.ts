// Turns refusals of the tus library into our error codes and sentences.
import type { Context as KoaContext } from 'koa';
import type { PlanLimits } from '../../base/config.ts';
import { invalid, Problem } from '../../base/errors.ts';

const VERSION = '1.0.0';
const MOST_METADATA = 4_000;

/** Checks headers that the library does not check, or refuses with a less exact status. */
export function assertReadable(koa: KoaContext, method: string): void {
  if (koa.get('Tus-Resumable') !== VERSION) {
    throw new Problem('invalid_request', `Expected the header Tus-Resumable: ${VERSION}.`, {
      // The protocol prescribes 412 in place of 400.
      status: 412,
      headers: { 'Tus-Version': VERSION },
      errors: [{ pointer: '/Tus-Resumable', message: `Expected ${VERSION}.` }],
    });
  }
  if (method === 'PATCH' && koa.get('Content-Type') !== 'application/offset+octet-stream') {
    throw new Problem(
      'unsupported_media_type',
      'Expected `Content-Type: application/offset+octet-stream`.',
    );
  }
  if (koa.get('Upload-Metadata').length > MOST_METADATA) {
    throw invalid('/Upload-Metadata', `Expected at most ${MOST_METADATA} characters.`);
  }
  if (holdsNul(koa.get('Upload-Metadata'))) {
    throw invalid('/Upload-Metadata', 'Expected values without NUL, in UTF-8 and then Base64.');
  }
}

/** Checks a declared length before the first byte. Throws Problem `too_large`. */
export function assertFits(koa: KoaContext, { uploadBytes }: PlanLimits): void {
  if (!(Number(koa.get('Upload-Length')) > uploadBytes)) return;
  throw new Problem(
    'too_large',
    `The file is larger than ${uploadBytes / 1_000_000} MB, the most this plan takes.`,
  );
}

function holdsNul(metadata: string): boolean {
  return metadata
    .split(',')
    .some((pair) => Buffer.from(pair.split(' ')[1] ?? '', 'base64').includes(0));
}

/**
 * Returns a Problem for a refusal of the library, by its status; returns other errors unchanged.
 */
export function toProblem(fault: unknown, { uploadBytes }: PlanLimits): unknown {
  if (fault instanceof Problem) return fault;
  const { status_code, status, body } = fault as {
    status_code?: number;
    status?: number;
    body?: unknown;
  };
  switch (status_code ?? status) {
    case 404:
    case 410:
      return new Problem('not_found', 'There is no such upload, or it has expired.');
    case 409:
      return new Problem(
        'state_conflict',
        'Upload-Offset differs from what has arrived. Ask with HEAD how much has arrived.',
      );
    case 413:
      return new Problem(
        'too_large',
        `More bytes than Upload-Length said, or than the ${uploadBytes / 1_000_000} MB that this plan takes.`,
      );
    case 400:
    case 403:
    case 501:
      return invalid('', explainFault(status_code, body));
    default:
      return fault;
  }
}

function explainFault(statusCode: number | undefined, body: unknown): string {
  if (statusCode === 501) return 'This server does not offer that extension of tus.';
  const said = typeof body === 'string' ? body.trim() : '';
  return `The request is not one of tus ${VERSION}${said ? `: ${said}` : ': a header is missing or malformed'}.`;
}
