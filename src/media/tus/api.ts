// The JSON API of resumable uploads: the calls of tus 1.0, and the state of an upload as JSON.
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
  length: z.int().nullable().describe('Null while the client has not declared it.'),
  offset: z.int().describe('How many bytes have arrived; continue from here.'),
  media: mediaSchema.nullable().describe('The stored file, once all bytes have arrived.'),
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime().describe('When it is removed, unless more bytes arrive before.'),
});

const TUS = { 'Tus-Resumable': '`1.0.0`' };
const OFFSET_TYPE = 'application/offset+octet-stream';

type Asked = Pick<ApiRequest, 'creator' | 'koa' | 'params'>;

/** Answers a call of the protocol, under `/v1/uploads` and under `/uploads`. */
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
    // A successful PATCH is always answered with 204, since clients accept no other status.
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
      'Upload-Defer-Length': '`1` if the size is not known yet; a later PATCH declares it.',
      'Upload-Metadata': '`filename` and its value in Base64, as in the protocol.',
    },
    answers: { 201: 'Begun; `Location` is its address. A body is taken as its first bytes.' },
    handle: (ctx, request) => tusCall(ctx, request, 'POST'),
  }),
  apiRoute({
    method: 'get',
    path: '/uploads',
    summary: 'List the uploads that can be continued, newest first.',
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
      'tus 1.0: how much has arrived (`Upload-Offset`); makes the file if that was interrupted.',
    headers: TUS,
    answers: { 200: 'In the headers; `PM3K-Storage-Key` once it is a stored file.' },
    handle: (ctx, request) => tusCall(ctx, request, 'HEAD'),
  }),
  apiRoute({
    method: 'get',
    path: '/uploads/{upload_id}',
    summary:
      'The state of an upload as JSON, with its stored file; until a day after the last byte.',
    answers: { 200: { description: 'The upload', schema: uploadSchema } },
    async handle(ctx, { creator, params }) {
      return { status: 200, body: await describeUpload(ctx, creator, params['upload_id'] ?? '') };
    },
  }),
  apiRoute({
    method: 'patch',
    path: '/uploads/{upload_id}',
    summary: 'tus 1.0: send the next bytes. After the last ones the upload becomes a stored file.',
    isUpload: true,
    uploadType: OFFSET_TYPE,
    headers: { ...TUS, 'Upload-Offset': 'Where these bytes begin: how many have arrived.' },
    answers: { 204: 'Taken; after the last bytes `PM3K-Storage-Key` names the stored file.' },
    handle: (ctx, request) => tusCall(ctx, request, 'PATCH'),
  }),
  apiRoute({
    method: 'delete',
    path: '/uploads/{upload_id}',
    summary: 'tus 1.0: end an unfinished upload and remove its bytes.',
    headers: TUS,
    answers: { 204: 'Removed' },
    handle: (ctx, request) => tusCall(ctx, request, 'DELETE'),
  }),
];

async function describeUpload(ctx: Context, creator: Creator, id: string) {
  const upload = await findUpload(ctx.db, creator.id, id);
  const media = upload?.finished_at
    ? await findMedia(ctx.db, creator.id, upload.storage_key)
    : null;
  // If the stored file was removed, the upload counts as gone.
  if (!upload || media === undefined) {
    throw new Problem('not_found', 'There is no such upload, or it has expired.');
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
