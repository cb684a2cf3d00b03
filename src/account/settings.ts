// The settings page: each setting is a field with a schema, and only fields that were sent change.
import type Router from '@koa/router';
import { z } from 'zod';
import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import { assertNotLeaving } from '../creators/leaving.ts';
import { findPostingDefaults, savePostingDefaults } from '../creators/posting-defaults.ts';
import { fetchOptionsOrReason } from '../creators/posting-options.ts';
import { mayPost } from '../creators/rules.ts';
import { type Creator, saveSettings } from '../creators/store.ts';
import { parseWith } from '../http/validate.ts';
import { PRIVACY_LEVELS } from '../tiktok/post-settings.ts';
import { groupSwitches } from '../tiktok/switches.ts';
import { createPages, type PageRequest } from '../web/pages.ts';
import { DEFAULT_FIELDS, type DefaultsForm, mergedDefaults, toFields } from './defaults-form.ts';

const ZONES = new Set(['UTC', ...Intl.supportedValuesOf('timeZone')]);

/** Form field → schema. A field has the name of its column. */
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

  pages.own('get', '/settings', (request, creator) => show(ctx, request, creator, {}));

  pages.own('post', '/settings', async (request, creator) => {
    const form = lastOfEach(request.form);
    const settings = parseWith(FIELDS, form, 'form');
    const defaults = parseWith(DEFAULT_FIELDS, form, 'form');
    await saveSettings(ctx.db, creator.id, settings);
    try {
      if (Object.keys(defaults).length > 0) await saveDefaults(ctx, request, creator, defaults);
      request.go('/settings?saved');
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      await show(ctx, request, creator, { form: defaults, fault: error.message });
      request.koa.status = error.status;
    }
  });
}

/**
 * Returns the last value of each field. A hidden "false" stands before each box, which sends
 * nothing unticked.
 */
function lastOfEach(form: Record<string, string | string[]>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(form).map(([name, value]) => [name, [value].flat().at(-1) ?? '']),
  );
}

async function saveDefaults(
  ctx: Context,
  { signal }: PageRequest,
  creator: Creator,
  form: DefaultsForm,
): Promise<void> {
  const options = await findOptions(ctx, creator, signal);
  await ctx.db.transaction(async (trx) => {
    await assertNotLeaving(trx, creator.id);
    const known = await findPostingDefaults(trx, creator.id);
    await savePostingDefaults(trx, creator.id, mergedDefaults(known, form, options));
  });
}

/** Returns what TikTok offers now, or null if it cannot be asked; the settings work without it. */
async function findOptions(ctx: Context, creator: Creator, signal: AbortSignal) {
  if (!mayPost(creator)) return null;
  const options = await fetchOptionsOrReason(ctx, creator, signal);
  return options.can_post ? options : null;
}

async function show(
  ctx: Context,
  { koa, render, signal }: PageRequest,
  creator: Creator,
  { form = null, fault = null }: { form?: DefaultsForm | null; fault?: string | null },
): Promise<void> {
  const defaults = (await findPostingDefaults(ctx.db, creator.id)) ?? null;
  const options = await findOptions(ctx, creator, signal);
  render('creators/settings', {
    title: 'Settings',
    is_saved: koa.query['saved'] !== undefined,
    time_zone: creator.time_zone ?? '',
    zones: [...ZONES],
    keys_may_export_and_erase: creator.keys_may_export_and_erase,
    defaults,
    chosen: form ?? toFields(defaults),
    fault,
    options,
    levels: options?.privacy_level_options ?? PRIVACY_LEVELS,
    switches: groupSwitches(({ isOfferedAsDefault }) => isOfferedAsDefault),
  });
}
