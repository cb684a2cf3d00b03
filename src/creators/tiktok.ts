// TikTok as one creator: the right token, TikTok's minute quotas, and one fresh try when a token was refused.

import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import type { TikTok } from '../tiktok/client.ts';
import { TikTokError } from '../tiktok/errors.ts';
import { type CountedCall, fillMinute, reserveCall } from './quota.ts';
import { disconnected } from './rules.ts';
import { type Access, getAccess } from './tokens.ts';

type Args<M extends keyof TikTok> = TikTok[M] extends (
  token: string,
  args: infer A,
  ...rest: never[]
) => unknown
  ? A
  : never;
type Answer<M extends keyof TikTok> = TikTok[M] extends (...args: never[]) => infer R ? R : never;
type ChunkArgs = Omit<Parameters<TikTok['uploadChunk']>[0], 'signal'>;

/**
 * Each method may throw Later (a quota is full), Problem (`creator_disconnected`), or TikTokError.
 * `scopes` says what the creator granted.
 */
export interface CreatorTikTok {
  scopes(): Promise<string[]>;
  creatorInfo(): Answer<'creatorInfo'>;
  initDirectVideo(args: Args<'initDirectVideo'>): Answer<'initDirectVideo'>;
  initInboxVideo(args: Args<'initInboxVideo'>): Answer<'initInboxVideo'>;
  /**
   * `mark` is called immediately before TikTok is, with token and quota in hand; it answers the
   * addresses to pull from. It may be called twice: when TikTok refused the token the first time.
   */
  initPhotos(
    args: Omit<Args<'initPhotos'>, 'photo_images'>,
    mark: () => Promise<string[]>,
  ): Answer<'initPhotos'>;
  uploadChunk(args: ChunkArgs): Answer<'uploadChunk'>;
  status(publishId: string): Answer<'status'>;
}

export function creatorTikTok(ctx: Context, creatorId: string, signal: AbortSignal): CreatorTikTok {
  const { tiktok } = ctx;

  async function call<T>(
    counted: CountedCall,
    scope: string[],
    ask: (token: string) => Promise<T>,
  ): Promise<T> {
    let access = await getAccess(ctx, creatorId, signal);
    assertScope(access, scope);
    await reserveCall(ctx, creatorId, counted);
    try {
      return await ask(access.token);
    } catch (error) {
      if (isRefusal(error, 'rate_limit_exceeded')) throw await fillMinute(ctx, creatorId, counted);
      if (!isRefusal(error, 'access_token_invalid')) throw error;
    }
    // Once more with a new token; a second refusal means that the grant itself is gone.
    access = await getAccess(ctx, creatorId, signal, access.version);
    await reserveCall(ctx, creatorId, counted);
    try {
      return await ask(access.token);
    } catch (error) {
      throw isRefusal(error, 'access_token_invalid') ? disconnected() : error;
    }
  }

  return {
    scopes: async () => (await getAccess(ctx, creatorId, signal)).scopes,
    creatorInfo: () =>
      call('creator_info', ['video.publish'], (token) => tiktok.creatorInfo(token, { signal })),
    initDirectVideo: (args) =>
      call('video.init', ['video.publish'], (token) =>
        tiktok.initDirectVideo(token, args, { signal }),
      ),
    initInboxVideo: (args) =>
      call('inbox.init', ['video.upload'], (token) =>
        tiktok.initInboxVideo(token, args, { signal }),
      ),
    initPhotos: (args, mark) =>
      call(
        'content.init',
        [args.destination === 'direct' ? 'video.publish' : 'video.upload'],
        async (token) =>
          tiktok.initPhotos(token, { ...args, photo_images: await mark() }, { signal }),
      ),
    uploadChunk: (args) => tiktok.uploadChunk({ ...args, signal }),
    status: (publishId) =>
      call('status', [], (token) => tiktok.status(token, publishId, { signal })),
  };
}

function isRefusal(error: unknown, code: string): boolean {
  return error instanceof TikTokError && error.kind === 'refused' && error.code === code;
}

function assertScope(access: Access, needed: string[]): void {
  const missing = needed.find((scope) => !access.scopes.includes(scope));
  if (missing) {
    throw new Problem(
      'tiktok_refused',
      `On connecting, “${missing}” was not allowed, which this needs. Connect with TikTok again and allow it.`,
      {
        tiktok: { code: 'scope_not_authorized', message: '', log_id: null },
      },
    );
  }
}
