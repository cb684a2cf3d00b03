// Handles status/fetch, which tells how a post ended, and cancel, which stops one.
// https://developers.tiktok.com/doc/content-posting-api-reference-get-video-status
import type Router from '@koa/router';
import type { Context } from 'koa';
import { answer, authorize, badParams, type Caller, jsonBody, Refusal } from './answers.ts';
import { faults, takeFault } from './faults.ts';
import { finish } from './processing.ts';
import type { Publish, State } from './state.ts';

const SCOPES = ['video.upload', 'video.publish'];

export function addStatusRoutes(router: Router, state: State): void {
  router.post('/v2/post/publish/status/fetch{/}', faults(state, 'status/fetch'), async (koa) => {
    const caller = authorize(state, koa, {
      endpoint: 'status',
      scopes: SCOPES,
      perMinute: state.settings.statuses_per_minute,
    });
    status(state, koa, await getPublish(state, koa, caller));
  });
  router.post('/v2/post/publish/cancel{/}', faults(state, 'cancel'), async (koa) => {
    const caller = authorize(state, koa, { endpoint: 'cancel', scopes: SCOPES, perMinute: 30 });
    cancel(state, koa, await getPublish(state, koa, caller));
  });
}

async function getPublish(state: State, koa: Context, { grant }: Caller): Promise<Publish> {
  const { publish_id } = await jsonBody(koa);
  if (typeof publish_id !== 'string' || publish_id === '')
    throw badParams('publish_id is required');
  const publish = state.publishes.find((each) => each.publish_id === publish_id);
  if (!publish) throw new Refusal(400, 'invalid_publish_id', 'The publish_id does not exist');
  if (publish.open_id !== grant.open_id) {
    throw new Refusal(
      400,
      'token_not_authorized_for_specified_publish_id',
      'The publish_id belongs to another user',
    );
  }
  return publish;
}

/** Answers with JSON text made by hand, since ids are bare numbers beyond 2^53. */
function status(state: State, koa: Context, publish: Publish): void {
  const isLagging =
    publish.status === 'PROCESSING_UPLOAD' &&
    takeFault(state, 'status/fetch', ['bytes_lag'], publish.open_id) !== null;
  // The example number of the documentation, which is far below what has come.
  const bytes = isLagging ? Math.min(10_000, publish.received_bytes) : publish.received_bytes;
  const parts = [
    `"status":${JSON.stringify(publish.status)}`,
    ...(publish.fail_reason ? [`"fail_reason":${JSON.stringify(publish.fail_reason)}`] : []),
    `"publicaly_available_post_id":[${publish.post_ids.join(',')}]`,
    publish.kind === 'photo' ? `"downloaded_bytes":${bytes}` : `"uploaded_bytes":${bytes}`,
  ];
  answer(koa, `{${parts.join(',')}}`);
}

/** Stops a post whose photos are still being downloaded; TikTok cancels no other. */
function cancel(state: State, koa: Context, publish: Publish): void {
  if (publish.status !== 'PROCESSING_DOWNLOAD') {
    throw new Refusal(400, 'publish_not_cancellable', 'The post can no longer be cancelled');
  }
  finish(state, publish, 'publish_cancelled');
  answer(koa, '{}');
}
