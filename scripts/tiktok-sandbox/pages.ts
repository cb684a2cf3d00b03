// Renders the sandbox's pages: consent, accounts, and profiles with the posted videos.
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type Router from '@koa/router';
import { Eta } from 'eta';
import type { Context } from 'koa';
import type { Account, Publish, State } from './state.ts';

const eta = new Eta({ views: join(import.meta.dirname, 'views'), cache: true });

const SCOPE_WORDS: Record<string, string> = {
  'user.info.basic': 'Read your name and picture',
  'user.info.profile': 'Read your username and bio',
  'user.info.stats': 'Read your numbers of followers and likes',
  'video.list': 'Read your public videos',
  'video.publish': 'Post videos to your profile',
  'video.upload': 'Send videos to your inbox as drafts',
};

export function consentPage(accounts: Account[], scopes: string[], query: string): string {
  return eta.render('consent', {
    accounts,
    query,
    scopes: scopes.map((name) => ({ name, words: SCOPE_WORDS[name] ?? name })),
  });
}

export function errorPage(field: string): string {
  return eta.render('error', { field });
}

export function addPages(router: Router, state: State): void {
  router.get('/', (koa) => {
    koa.type = 'html';
    koa.body = eta.render('accounts', {
      accounts: state.accounts.map((account) => ({
        ...account,
        posts: listPosts(state, account).length,
      })),
      findings: state.findings.slice(-20).reverse(),
    });
  });
  router.get('/style.css', async (koa) => {
    koa.type = 'css';
    koa.body = await readFile(join(import.meta.dirname, 'views/style.css'), 'utf8');
  });
  router.get('/avatar/:file', (koa) => {
    koa.type = 'image/svg+xml';
    koa.body = avatar(String(koa['params'].file));
  });
  router.get('/@:username', (koa) => {
    const account = state.accounts.find((each) => each.username === koa['params'].username);
    if (!account) return koa.throw(404);
    const all = listPosts(state, account);
    koa.type = 'html';
    koa.body = eta.render('profile', {
      account,
      posts: all.filter((each) => each.status === 'PUBLISH_COMPLETE').map(card),
      drafts: all.filter((each) => each.status === 'SEND_TO_USER_INBOX').map(card),
    });
  });
  router.get('/video/:token', async (koa) => {
    const publish = state.publishes.find(
      (each) => each.path && each.upload_token === koa['params'].token,
    );
    if (!publish?.path) return koa.throw(404);
    await sendVideo(koa, publish.path, publish.content_type ?? 'video/mp4');
  });
}

/** Answers with the file, or with the range of it that was asked for, as players need. */
async function sendVideo(koa: Context, path: string, contentType: string): Promise<void> {
  const { size } = await stat(path);
  const [, first = '0', last = ''] = /^bytes=(\d+)-(\d*)$/.exec(koa.get('Range')) ?? [];
  const start = Number(first);
  const end = Math.min(size - 1, last ? Number(last) : size - 1);
  if (start > end) return koa.throw(416);
  koa.set('Accept-Ranges', 'bytes');
  if (koa.get('Range')) {
    koa.status = 206;
    koa.set('Content-Range', `bytes ${start}-${end}/${size}`);
  }
  koa.type = contentType;
  koa.body = createReadStream(path, { start, end });
  koa.length = end - start + 1;
}

function listPosts(state: State, account: Account): Publish[] {
  return state.publishes
    .filter((each) => each.open_id === account.open_id && each.finished_at)
    .reverse();
}

function card(publish: Publish) {
  const info = publish.post_info;
  return {
    caption: String(info['title'] ?? ''),
    video: publish.path ? `/video/${publish.upload_token}` : null,
    photos: publish.photo_images,
    privacy: String(info['privacy_level'] ?? 'draft')
      .toLowerCase()
      .replaceAll('_', ' '),
    labels: [
      ...(info['is_aigc'] ? ['Creator labeled as AI-generated'] : []),
      ...(info['brand_content_toggle']
        ? ['Paid partnership']
        : info['brand_organic_toggle']
          ? ['Promotional content']
          : []),
      ...(info['disable_comment'] ? ['Comments off'] : []),
    ],
    id: publish.post_ids[0] ?? publish.publish_id,
    at: new Date(publish.finished_at ?? 0).toISOString(),
    megabytes: (publish.video_size / 1_000_000).toFixed(1),
    chunks: publish.chunks.length,
  };
}

/** Returns an SVG of a coloured disc with the name's first letter. */
function avatar(name: string): string {
  const hue = [...name].reduce((sum, letter) => sum + (letter.codePointAt(0) ?? 0), 0) % 360;
  const letter = name
    .slice(0, 1)
    .toUpperCase()
    .replace(/[^A-Z0-9]/, '?');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96"><circle cx="48" cy="48" r="48" fill="hsl(${hue} 40% 45%)"/><text x="48" y="64" font-size="44" font-family="sans-serif" text-anchor="middle" fill="#fff">${letter}</text></svg>`;
}
