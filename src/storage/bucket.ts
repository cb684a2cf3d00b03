// Sends signed requests to one bucket of an S3-compatible server, and retries those that may pass.
import { S3Client, type S3ClientOptions } from '@bradenmacdonald/s3-lite-client';
import { bucketRefused, findCause, isAbsent, retry } from './bucket-faults.ts';
import { putPart } from './put-part.ts';
import { blocksIn, valueIn } from './s3-xml.ts';
import { unlessSilent } from './unless-silent.ts';

const PAGE = 1_000;
const SIGNED_SECONDS = 3_600;
/** How long the beginning of an answer is waited for. */
const SILENT_MS = 15_000;
/** The same where the bucket has some work to do first, or takes many bytes. */
const SLOW_MS = 120_000;
const MANY_BYTES = 64_000;

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

/**
 * Returns the calls to a bucket. Each throws a Problem: `not_found`, `storage_full`, or
 * `unavailable` with the server's code.
 */
export function openBucket(options: S3ClientOptions, silentMs = SILENT_MS) {
  const client = new S3Client(options);
  const ask = (asked: Asked) => {
    const isSlow = asked.method === 'POST' || (asked.payload?.length ?? 0) > MANY_BYTES;
    const ms = isSlow ? SLOW_MS : silentMs;
    return retry(() => unlessSilent(client.makeRequest({ ...asked }), ms));
  };
  const text = async (asked: Asked) => (await ask({ ...asked, returnBody: true })).text();

  /** Returns the object's size in bytes; null when there is none. */
  async function head(place: string): Promise<number | null> {
    try {
      const { headers } = await ask({ method: 'HEAD', objectName: place });
      return Number(headers.get('content-length'));
    } catch (error) {
      if (isAbsent(error)) return null;
      throw error;
    }
  }

  async function hasOldVersions(): Promise<boolean> {
    for (let marks = {}; ; ) {
      const query = { versions: '', ...marks };
      const page = await text({ method: 'GET', objectName: '', query });
      if (page.includes('<IsLatest>false</IsLatest>')) return true;
      if (valueIn(page, 'IsTruncated') !== 'true') return false;
      marks = {
        'key-marker': valueIn(page, 'NextKeyMarker'),
        'version-id-marker': valueIn(page, 'NextVersionIdMarker'),
      };
    }
  }

  return {
    head,
    async put(place: string, payload: Uint8Array<ArrayBuffer>): Promise<void> {
      await ask({ method: 'PUT', objectName: place, payload });
    },
    /** Returns an object, or a range of its bytes with `end` inclusive. */
    get(place: string, range?: { start: number; end: number }): Promise<Response> {
      const length = range ? range.end - range.start + 1 : 0;
      const part = { offset: range?.start ?? 0, length };
      return retry(() => unlessSilent(client.getPartialObject(place, part), silentMs));
    },
    /** Removes the object; a missing one is no error. */
    async remove(place: string): Promise<void> {
      await ask({ method: 'DELETE', objectName: place, statusCode: 204 }).catch((error) => {
        if (!isAbsent(error)) throw error;
      });
    },
    /** Lists objects whose names begin with `prefix` and follow `after`, in the order of names. */
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
    /** Begins an upload in parts and returns its id. */
    async begin(place: string): Promise<string> {
      const answer = await text({ method: 'POST', objectName: place, query: 'uploads' });
      const uploadId = valueIn(answer, 'UploadId');
      if (!uploadId) throw bucketRefused('begins no upload in parts');
      return uploadId;
    },
    /** Sends a part and returns its ETag, by which `complete` names it. */
    async part(
      place: string,
      uploadId: string,
      number: number,
      payload: Uint8Array<ArrayBuffer>,
    ): Promise<string> {
      const parameters = { partNumber: String(number), uploadId };
      return retry(async () => {
        const signed = { parameters, expirySeconds: SIGNED_SECONDS };
        return putPart(await client.getPresignedUrl('PUT', place, signed), payload);
      });
    },
    /** Puts the parts together; `tags` are theirs, in order. */
    async complete(place: string, uploadId: string, tags: string[]): Promise<void> {
      const parts = tags.map(
        (tag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>"${tag}"</ETag></Part>`,
      );
      const payload = `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${parts.join('')}</CompleteMultipartUpload>`;
      const query = { uploadId };
      // The server may send status 200 first and the failure in the body.
      const answer = await text({ method: 'POST', objectName: place, query, payload });
      if (!answer.includes('<CompleteMultipartUploadResult')) {
        throw bucketRefused(valueIn(answer, 'Code') || 'does not put the parts together');
      }
    },
    /** Discards an upload in parts; a missing one is no error. */
    async abort(place: string, uploadId: string): Promise<void> {
      const query = { uploadId };
      await ask({ method: 'DELETE', objectName: place, query, statusCode: 204 }).catch((error) => {
        if (!isAbsent(error)) throw error;
      });
    },
    /** Lists uploads in parts that are neither complete nor discarded. */
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
    /**
     * Whether deleted objects stay as old versions: since the bucket makes them, or because it did
     * and they are still there. A server that refuses the question has no versions.
     */
    async keepsVersions(): Promise<boolean> {
      const query = { versioning: '' };
      try {
        const status = valueIn(await text({ method: 'GET', objectName: '', query }), 'Status');
        return status === 'Enabled' || (status === 'Suspended' && (await hasOldVersions()));
      } catch (error) {
        const { statusCode } = findCause(error);
        if (statusCode !== undefined && [400, 403, 405, 501].includes(statusCode)) return false;
        throw error;
      }
    },
  };
}
