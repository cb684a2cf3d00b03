// The public page of a deletion, as somebody with its link and without a session sees it.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Appliance } from './appliance.ts';

export async function publicPage(app: Pick<Appliance, 'url'>, path: string) {
  const answer = await fetch(new URL(path, app.url), { headers: { accept: 'text/html' } });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

/** The receipt's page once it says that the deletion is done. */
export async function receiptOf(app: Pick<Appliance, 'url'>, path: string) {
  for (;;) {
    const page = await publicPage(app, path);
    if (page.text.includes('data-done="true"')) return page;
    if (page.status !== 200) throw new Error(`Expected a receipt at ${path}, got ${page.status}`);
    await sleep(100);
  }
}
