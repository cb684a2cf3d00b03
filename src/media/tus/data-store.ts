// The data store that the tus library uses: a creator's uploads, seen by one request.
import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { DataStore, Upload as TusUpload } from '@tus/server';
import { Problem } from '../../base/errors.ts';
import { randomToken } from '../../base/secrets.ts';
import type { Context } from '../../context/context.ts';
import type { Creator } from '../../creators/store.ts';
import { discard } from './finish.ts';
import { takeParts } from './parts.ts';
import { declareLength, insertUpload, SILENCE_MS, takeOver, type Upload } from './store.ts';

/** The extensions of tus that we offer. */
export const EXTENSIONS = [
  'creation',
  'creation-with-upload',
  'creation-defer-length',
  'termination',
  'expiration',
];

/** Returns the library's data store over the creator's uploads, for one request. */
export function createTusStore(ctx: Context, creator: Creator) {
  const writer = randomUUID();
  let upload: Upload | null = null;
  const current = () => {
    if (!upload) throw new Problem('not_found', 'There is no such upload.');
    return upload;
  };
  return Object.assign(new DataStore(), {
    extensions: EXTENSIONS,
    current,
    /**
     * A fence rather than a lock that must be released: the newest request continues, and an older
     * one stops at its next write.
     */
    async lock(id: string) {
      upload = (await takeOver(ctx.db, { id, creator_id: creator.id }, writer)) ?? null;
    },
    async create(made: TusUpload) {
      const { id, size, metadata = {} } = made;
      const length = size ?? null;
      const own = { creator_id: creator.id, storage_key: randomToken(190), writer };
      upload = await insertUpload(ctx.db, { id, length, metadata, ...own });
      return made;
    },
    getUpload: async () => toTusUpload(current()),
    async declareUploadLength(_id: string, length: number) {
      await declareLength(ctx.db, current(), length);
      upload = { ...current(), length };
    },
    async write(source: Readable) {
      upload = await takeParts(ctx, current(), source);
      return upload.received;
    },
    async remove(id: string) {
      if (current().finished_at || !(await discard(ctx, id))) throw finished();
    },
    getExpiration: () => SILENCE_MS,
  });
}

function toTusUpload({ id, received, length, metadata, expires_at }: Upload): TusUpload {
  return new TusUpload({
    id,
    offset: received,
    metadata,
    ...(length === null ? {} : { size: length }),
    // The library counts the expiry from this date, and we count it from the last byte.
    creation_date: new Date(expires_at.getTime() - SILENCE_MS).toISOString(),
  });
}

function finished(): Problem {
  return new Problem(
    'state_conflict',
    'This upload is finished. Remove its file with DELETE /v1/media/{storage_key}.',
  );
}
