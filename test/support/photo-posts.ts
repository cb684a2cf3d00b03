// What tests of photo posts share: an appliance that TikTok may pull from, uploads, and what was posted.
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Publish } from '../../scripts/tiktok-sandbox/state.ts';
import { type Appliance, anAppliance, type Client, type Env, type Json } from './appliance.ts';
import { FAST } from './timing.ts';
import { waitUntil } from './wait-until.ts';

/** `hears`: whether TikTok's webhooks reach it. */
export async function photoAppliance({ hears = true, env = {} as Env } = {}): Promise<Appliance> {
  const app = await anAppliance({ LOG_LEVEL: 'warn', ...env }, FAST);
  app.sandbox.state.settings.allow_insecure_pull = true;
  const [tiktokApp] = app.sandbox.state.apps;
  if (tiktokApp && hears) tiktokApp.webhook_url = `${app.url}/webhooks/tiktok`;
  return app;
}

export async function uploaded(client: Client, photos: Buffer<ArrayBuffer>[]): Promise<string[]> {
  const keys: string[] = [];
  for (const bytes of photos) {
    const { status, json } = await client.upload(bytes, 'image/jpeg');
    if (status !== 201) throw new Error(JSON.stringify(json));
    keys.push(json['storage_key']);
  }
  return keys;
}

/** What came to be of the creator's photo posts at TikTok; those that failed there are none. */
export function postsOf(app: Appliance, client: Client): Publish[] {
  const openIds = new Set(
    app.sandbox.state.accounts
      .filter((each) => each.username === client.username)
      .map((each) => each.open_id),
  );
  return app.sandbox.state.publishes.filter(
    (each) =>
      openIds.has(each.open_id) &&
      (each.status === 'PUBLISH_COMPLETE' || each.status === 'SEND_TO_USER_INBOX'),
  );
}

export async function shown(client: Client, id: string): Promise<Json> {
  return (await client.api('GET', `/v1/jobs/${id}`)).json;
}

/** Whether TikTok may have been told of the post. */
export async function isMarked({ db }: Appliance, jobId: string): Promise<boolean> {
  const marked = await db('publish_attempts').where({ job_id: jobId }).whereNotNull('committed_at');
  return marked.length === 1;
}

/** Cuts a stored file short. */
export function breakFile(app: Appliance, storageKey: string): void {
  const media = join(app.data_dir, 'media');
  const name = readdirSync(media, { recursive: true })
    .map(String)
    .find((each) => each.endsWith(storageKey));
  if (!name) throw new Error('Expected the file to be stored');
  writeFileSync(join(media, name), Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 16, 1, 2, 3, 4, 5, 6]));
}

export const until = (isSo: () => Promise<boolean>, withinMs = 30_000) => waitUntil(isSo, withinMs);
