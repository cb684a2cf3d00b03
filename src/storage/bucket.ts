// The requests to one bucket of an S3-compatible server, signed by the client library, tried again when that may help.
import { setTimeout as sleep } from 'node:timers/promises';
import { S3Client, type S3ClientOptions, S3Errors } from '@bradenmacdonald/s3-lite-client';
import { Problem } from '../base/errors.ts';
import { putPart } from './put-part.ts';

const TRIES = 4;
const FIRST_WAIT_MS = 200;
const PAGE = 1_000;
const SIGNED_SECONDS = 3_600;

export interface Listed {
  place: string;
  bytes: number;
  modifiedAt: Date;
}

export interface Unfinished {
  place: string;
  uploadId: string;
  begunAt: Date;
}

export type Bucket = ReturnType<typeof openBucket>;
type Asked = Parameters<S3Client['makeRequest']>[0];

/** Every call throws a Problem: `not_found`, `storage_full`, or `unavailable` with the server's code. */
export function openBucket(options: S3ClientOptions) {
  const client = new S3Client(options);
  const ask = (asked: Asked) => retried(() => client.makeRequest({ ...asked }));
  const text = async (asked: Asked) => (await ask({ ...asked, returnBody: true })).text();

  async function head(place: string): Promise<number | null> {
    try {
      const { headers } = await ask({ method: 'HEAD', objectName: place });
      return Number(headers.get('content-length'));
    } catch (error) {
      if (isAbsent(error)) return null;
      throw error;
    }
  }

  return {
    head,
    async put(place: string, payload: Uint8Array<ArrayBuffer>): Promise<void> {
      await ask({ method: 'PUT', objectName: place, payload });
    },
    /** `end` inclusive. */
    get(place: string, range?: { start: number; end: number }): Promise<Response> {
      const length = range ? range.end - range.start + 1 : 0;
      return retried(() => client.getPartialObject(place, { offset: range?.start ?? 0, length }));
    },
    async remove(place: string): Promise<void> {
      await ask({ method: 'DELETE', objectName: place, statusCode: 204 }).catch((error) => {
        if (!isAbsent(error)) throw error;
      });
    },
    /** In the order of their names. */
    async *list(prefix: string, after: string): AsyncGenerator<Listed> {
      for (let last = after; ; ) {
        const query = { 'list-type': '2', prefix, 'start-after': last, 'max-keys': String(PAGE) };
        const page = await text({ method: 'GET', objectName: '', query });
        for (const entry of blocksIn(page, 'Contents')) {
          last = valueIn(entry, 'Key');
          const modifiedAt = new Date(valueIn(entry, 'LastModified'));
          yield { place: last, bytes: Number(valueIn(entry, 'Size')), modifiedAt };
        }
        if (valueIn(page, 'IsTruncated') !== 'true') return;
      }
    },
    async begin(place: string): Promise<string> {
      const answer = await text({ method: 'POST', objectName: place, query: 'uploads' });
      const uploadId = valueIn(answer, 'UploadId');
      if (!uploadId) throw refused('begins no upload in parts');
      return uploadId;
    },
    /** Answers the part's tag, by which the end names it. */
    async part(
      place: string,
      uploadId: string,
      number: number,
      payload: Uint8Array<ArrayBuffer>,
    ): Promise<string> {
      const parameters = { partNumber: String(number), uploadId };
      return retried(async () => {
        const signed = { parameters, expirySeconds: SIGNED_SECONDS };
        return putPart(await client.getPresignedUrl('PUT', place, signed), payload);
      });
    },
    async complete(place: string, uploadId: string, tags: string[]): Promise<void> {
      const parts = tags.map(
        (tag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>"${tag}"</ETag></Part>`,
      );
      const payload = `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${parts.join('')}</CompleteMultipartUpload>`;
      const query = { uploadId };
      // It may say 200 first and only then that it failed.
      const answer = await text({ method: 'POST', objectName: place, query, payload });
      if (!answer.includes('<CompleteMultipartUploadResult')) {
        throw refused(valueIn(answer, 'Code') || 'does not put the parts together');
      }
    },
    async abort(place: string, uploadId: string): Promise<void> {
      const query = { uploadId };
      await ask({ method: 'DELETE', objectName: place, query, statusCode: 204 }).catch((error) => {
        if (!isAbsent(error)) throw error;
      });
    },
    /** Uploads in parts that never came to their end. */
    async *unfinished(): AsyncGenerator<Unfinished> {
      for (let marks = {}; ; ) {
        const page = await text({
          method: 'GET',
          objectName: '',
          query: { uploads: '', ...marks },
        });
        for (const entry of blocksIn(page, 'Upload')) {
          const begunAt = new Date(valueIn(entry, 'Initiated'));
          yield { place: valueIn(entry, 'Key'), uploadId: valueIn(entry, 'UploadId'), begunAt };
        }
        if (valueIn(page, 'IsTruncated') !== 'true') return;
        marks = {
          'key-marker': valueIn(page, 'NextKeyMarker'),
          'upload-id-marker': valueIn(page, 'NextUploadIdMarker'),
        };
      }
    },
    /** Whether deleted objects stay as old versions; servers without versions do not know the question. */
    async keepsVersions(): Promise<boolean> {
      const query = { versioning: '' };
      try {
        return (
          valueIn(await text({ method: 'GET', objectName: '', query }), 'Status') === 'Enabled'
        );
      } catch (error) {
        const { statusCode } = findCause(error);
        if (statusCode !== undefined && [400, 403, 405, 501].includes(statusCode)) return false;
        throw error;
      }
    },
  };
}

/** Network faults, 5xx and "slow down" may pass within a second; nothing else does. */
async function retried<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      const status = error instanceof S3Errors.ServerError ? error.statusCode : undefined;
      const mayPass = status === undefined || status === 429 || (status >= 500 && status < 507);
      if (!mayPass || status === 501 || tries === TRIES) throw toProblem(error);
      await sleep(FIRST_WAIT_MS * 2 ** (tries - 1));
    }
  }
}

function toProblem(cause: unknown): Problem {
  const { statusCode, code } = (cause ?? {}) as { statusCode?: number; code?: string };
  if (statusCode === 404 && code !== 'NoSuchBucket') {
    return new Problem('not_found', 'There is no such file.', { cause });
  }
  if (statusCode === 507 || /quota|insufficient|storagefull/i.test(code ?? '')) {
    return new Problem(
      'storage_full',
      'The storage takes no more. Nothing that was stored before is lost.',
      { cause },
    );
  }
  return refused(code ? `answers ${code}` : 'does not answer', cause);
}

function refused(what: string, cause?: unknown): Problem {
  return new Problem('unavailable', `The storage ${what}. Try again in a minute.`, { cause });
}

export function findCause(error: unknown): { statusCode?: number; code?: string } {
  return ((error as Error | undefined)?.cause ?? {}) as { statusCode?: number; code?: string };
}

export function isAbsent(error: unknown): boolean {
  return error instanceof Problem && error.code === 'not_found';
}

// What S3 answers is flat: its elements hold text or one level of others, and no attributes.
function blocksIn(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>(.*?)</${name}>`, 'gs'))].map(
    ([, inner]) => inner ?? '',
  );
}

const ENTITIES: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function valueIn(xml: string, name: string): string {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1] ?? '';
  return text
    .replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
    .replaceAll(/&(lt|gt|amp|quot|apos);/g, (_, entity: string) => ENTITIES[entity] ?? '');
}
