// The settings page: each setting is a field with its schema and its column; only fields that were sent change.
import type Router from '@koa/router';
import { z } from 'zod';
import type { Context } from '../context.ts';
import { parseWith } from '../web/api.ts';
import { createPages, type PageRequest } from '../web/pages.ts';
import { type Creator, saveSettings } from './store.ts';

const ZONES = new Set(['UTC', ...Intl.supportedValuesOf('timeZone')]);

/** Form field → schema, under the name of its column. */
const FIELDS = z.object({
  time_zone: z
    .string()
    .refine((zone) => zone === '' || ZONES.has(zone), 'Expected a time zone, e.g. Europe/Berlin.')
    .transform((zone) => zone || null)
    .optional(),
  keys_may_export_and_erase: z
    .enum(['true', 'false'], 'Expected true or false.')
    .transform((text) => text === 'true')
    .optional(),
});

export type Settings = z.output<typeof FIELDS>;

export function addSettingsPages(router: Router, ctx: Context): void {
  const pages = createPages(router, ctx);

  pages.own('get', '/settings', async (request, creator) =>
    show(request, creator, request.koa.query['saved'] !== undefined),
  );

  pages.own('post', '/settings', async (request, creator) => {
    const settings = parseWith(FIELDS, lastOfEach(request.form), 'form');
    await saveSettings(ctx.db, creator.id, settings);
    request.go('/settings?saved');
  });
}

/** A switch comes with a hidden "false" before it, since an unticked box sends nothing at all. */
function lastOfEach(form: Record<string, string | string[]>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(form).map(([name, value]) => [name, [value].flat().at(-1) ?? '']),
  );
}

async function show({ render }: PageRequest, creator: Creator, is_saved: boolean): Promise<void> {
  render('creators/settings', {
    title: 'Settings',
    is_saved,
    time_zone: creator.time_zone ?? '',
    zones: [...ZONES],
    keys_may_export_and_erase: creator.keys_may_export_and_erase,
  });
}
