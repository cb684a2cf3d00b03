// The JSON API of resumable uploads: the calls of tus 1.0, and what has arrived as JSON.
import { z } from 'zod';
import { Problem } from '../../base/errors.ts';
import type { Context } from '../../context/context.ts';
import type { Creator } from '../../creators/store.ts';
import { type ApiAnswer, type ApiRequest, type ApiRoute, apiRoute } from '../../web/api.ts';
import { mediaSchema, mediaView } from '../api.ts';
import { findMedia, type Media } from '../store.ts';
import { findUpload, listUnfinishedUploads, readFileName, type Upload } from './store.ts';
import { answerTus } from './tus.ts';

const uploadSchema = z.strictObject({
  id: z.string(),
  file_name: z.string().nullable(),
  length: z.int().nullable().describe('Null while the client has not said.'),
  offset: z.int().describe('How much has arrived; go on from here.'),
  media: mediaSchema.nullable().describe('The stored file, once all has arrived.'),
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime().describe('Removed then, unless more arrives before.'),
});

const TUS = { 'Tus-Resumable': '`1.0.0`' };
const OFFSET_TYPE = 'application/offset+octet-stream';

type Asked = Pick<ApiRequest, 'creator' | 'koa' | 'params'>;

/** A call of the protocol, wherever its uploads are. */
export async function tusCall(
  ctx: Context,
  { creator, koa, params }: Asked,
  method: string,
): Promise<ApiAnswer> {
  const id = params['upload_id'];
  const path = id === undefined ? koa.path : koa.path.slice(0, koa.path.lastIndexOf('/'));
  const { status, headers, media } = await answerTus(ctx, koa, creator, { path, method, id });
  return {
    status,
    headers: { ...headers, ...(media ? mediaHeaders(media) : {}) },
    // A PATCH is answered by 204 whatever came of it: clients know no other success.
    ...(media && status === 201 ? { body: mediaView(ctx, media) } : {}),
  };
}

function mediaHeaders({ storage_key, facts }: Media): Record<string, string> {
  return {
    'Content-Location': `/v1/media/${storage_key}`,
    'PM3K-Storage-Key': storage_key,
    'PM3K-Media-Kind': facts.kind,
  };
}

export const uploadRoutes: ApiRoute[] = [
  apiRoute({
    method: 'post',
    path: '/uploads',
    summary: 'tus 1.0: begin a resumable upload.',
    isUpload: true,
    uploadType: OFFSET_TYPE,
    headers: {
      ...TUS,
      'Upload-Length': 'Size of the file in bytes.',
      'Upload-Defer-Length': '`1`, where the size is not known yet; a later PATCH says it.',
      'Upload-Metadata': '`filename` and its Base64, as the protocol has it.',
    },
    answers: { 201: 'Begun; `Location` is its address. A body is its first bytes.' },
    handle: (ctx, request) => tusCall(ctx, request, 'POST'),
  }),
  apiRoute({
    method: 'get',
    path: '/uploads',
    summary: 'List the uploads that can be gone on with, newest first.',
    answers: {
      200: {
        description: 'Unfinished uploads',
        schema: z.strictObject({ data: z.array(uploadSchema) }),
      },
    },
    async handle(ctx, { creator }) {
      const rows = await listUnfinishedUploads(ctx.db, creator.id);
      return { status: 200, body: { data: rows.map((row) => uploadView(ctx, row, null)) } };
    },
  }),
  apiRoute({
    method: 'head',
    path: '/uploads/{upload_id}',
    summary:
      'tus 1.0: how far an upload is (`Upload-Offset`); makes the file, if that was cut off.',
    headers: TUS,
    answers: { 200: 'In the headers; `PM3K-Storage-Key` once it is a stored file.' },
    handle: (ctx, request) => tusCall(ctx, request, 'HEAD'),
  }),
  apiRoute({
    method: 'get',
    path: '/uploads/{upload_id}',
    summary: 'The same as JSON, with the stored file once there is one; for a day.',
    answers: { 200: { description: 'The upload', schema: uploadSchema } },
    async handle(ctx, { creator, params }) {
      return { status: 200, body: await lookAt(ctx, creator, params['upload_id'] ?? '') };
    },
  }),
  apiRoute({
    method: 'patch',
    path: '/uploads/{upload_id}',
    summary: 'tus 1.0: the next bytes. The last ones make the stored file of it.',
    isUpload: true,
    uploadType: OFFSET_TYPE,
    headers: { ...TUS, 'Upload-Offset': 'Where these bytes begin: how much has arrived.' },
    answers: { 204: 'Taken; after the last bytes `PM3K-Storage-Key` names the stored file.' },
    handle: (ctx, request) => tusCall(ctx, request, 'PATCH'),
  }),
  apiRoute({
    method: 'delete',
    path: '/uploads/{upload_id}',
    summary: 'tus 1.0: end an unfinished upload; what has arrived is removed.',
    headers: TUS,
    answers: { 204: 'Removed' },
    handle: (ctx, request) => tusCall(ctx, request, 'DELETE'),
  }),
];

async function lookAt(ctx: Context, creator: Creator, id: string) {
  const upload = await findUpload(ctx.db, creator.id, id);
  const media = upload?.finished_at
    ? await findMedia(ctx.db, creator.id, upload.storage_key)
    : null;
  // Once its file was removed there is nothing left to tell of.
  if (!upload || media === undefined) {
    throw new Problem('not_found', 'There is no such upload, or its time is over.');
  }
  return uploadView(ctx, upload, media);
}

function uploadView(ctx: Context, upload: Upload, media: Media | null) {
  return {
    id: upload.id,
    file_name: readFileName(upload),
    length: upload.length,
    offset: upload.received,
    media: media && mediaView(ctx, media),
    created_at: upload.created_at.toISOString(),
    expires_at: upload.expires_at.toISOString(),
  };
}
