// The two media sources that every instance has: an upload, and an address on a verified domain.
import { z } from 'zod';
import { judgeSource, judgeSourceToday } from '../domains/sources.ts';
import { UPLOAD_SOURCE } from './job.ts';
import type { Source } from './source.ts';

const upload: Source<{ storage_key: string }> = {
  schema: z.strictObject({
    storage_key: z.string().min(1).max(100).describe('As answered by `POST /v1/media`.'),
  }),
  describe: () => 'An upload',
  findUpload: ({ storage_key }) => ({ storageKey: storage_key, field: 'storage_key' }),
};

export const urlSource = {
  schema: z.strictObject({
    url: z.string().min(1).max(2048).describe('An https URL on a verified domain.'),
  }),
  describe: (request) => request.url,
  /** An address of ours, as `POST /v1/media` answers it. */
  findUpload(request, ctx) {
    const path = `${ctx.config.PUBLIC_URL}/media/`;
    if (!request.url.startsWith(path)) return null;
    return { storageKey: request.url.slice(path.length), field: 'url' };
  },
  async accept(request, { ctx, trx, creator }) {
    const judged = await judgeSource(ctx, trx, creator, request.url);
    return { url: judged.url };
  },
  /** Judges anew, since domain and plan may have changed since the post was accepted. */
  async fetch(request, { ctx, creator, signal, safeFetch }) {
    const { url: address, domain } = await judgeSourceToday(ctx, creator, request.url, signal);
    return safeFetch(address, domain.host);
  },
} satisfies Source<{ url: string }>;

export const builtInSources: Record<string, Source> = { [UPLOAD_SOURCE]: upload, url: urlSource };
