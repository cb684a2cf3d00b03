// Calls TikTok for one creator: with a fresh token, within TikTok's limits per minute.
import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import type { TikTok } from '../tiktok/client.ts';
import { TikTokError } from '../tiktok/errors.ts';
import { markDisconnected } from './connection.ts';
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
 * TikTok's calls for one creator. Each may throw Later (a limit is used up), Problem
 * (`creator_disconnected`, `tiktok_refused` for a missing scope), or TikTokError.
 */
export interface CreatorTikTok {
  /** Returns the scopes that the creator granted. */
  scopes(): Promise<string[]>;
  creatorInfo(): Answer<'creatorInfo'>;
  initDirectVideo(args: Args<'initDirectVideo'>): Answer<'initDirectVideo'>;
  initInboxVideo(args: Args<'initInboxVideo'>): Answer<'initInboxVideo'>;
  /**
   * Calls `mark` immediately before TikTok, when token and quota are there. `mark` returns the
   * addresses that TikTok pulls from. It is called a second time if TikTok refuses the first token.
   */
  initPhotos(
    args: Omit<Args<'initPhotos'>, 'photo_images'>,
    mark: () => Promise<string[]>,
  ): Answer<'initPhotos'>;
  uploadChunk(args: ChunkArgs): Answer<'uploadChunk'>;
  status(publishId: string): Answer<'status'>;
}

type Call = <T>(
  counted: CountedCall,
  scope: string[],
  ask: (token: string) => Promise<T>,
) => Promise<T>;

/**
 * Returns the function that all counted calls go through: it gets a token, checks the scope, counts
 * the call, and tries once more with a new token if TikTok refuses the first one.
 */
function createCall(ctx: Context, creatorId: string, signal: AbortSignal): Call {
  return async (counted, scope, ask) => {
    let access = await getAccess(ctx, creatorId, signal);
    assertScope(access, scope);
    await reserveCall(ctx, creatorId, counted);
    try {
      return await ask(access.token);
    } catch (error) {
      if (isRefusal(error, 'rate_limit_exceeded')) throw await fillMinute(ctx, creatorId, counted);
      if (!isRefusal(error, 'access_token_invalid')) throw error;
    }
    // A refusal of the new token, too, means that the grant itself is gone.
    access = await getAccess(ctx, creatorId, signal, access.version);
    await reserveCall(ctx, creatorId, counted);
    try {
      return await ask(access.token);
    } catch (error) {
      if (!isRefusal(error, 'access_token_invalid')) throw error;
      await markDisconnected(ctx, creatorId, access.version);
      throw disconnected();
    }
  };
}

/** Returns TikTok's calls for this creator; `signal` ends a call under way. */
export function creatorTikTok(ctx: Context, creatorId: string, signal: AbortSignal): CreatorTikTok {
  const { tiktok } = ctx;
  const call = createCall(ctx, creatorId, signal);
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
      `This needs the permission “${missing}”, which you left out when you connected. Connect with TikTok again and allow it.`,
      {
        tiktok: { code: 'scope_not_authorized', message: '', log_id: null },
      },
    );
  }
}
