// The fields of posting defaults on the settings page, and what they mean together.
import { z } from 'zod';
import { invalid } from '../base/errors.ts';
import type { PostingDefaults } from '../creators/posting-defaults.ts';
import type { PostingOptions } from '../creators/posting-options.ts';
import { declaration } from '../tiktok/declaration.ts';
import { isSwitch, type PostSettingTable } from '../tiktok/post-setting.ts';
import { POST_SETTINGS } from '../tiktok/post-settings.ts';
import {
  createSettingsPatchSchema,
  findPrivateRefusal,
  listSwitchedOff,
} from '../tiktok/settings-schema.ts';

const flag = z
  .enum(['true', 'false', 'on'], 'Expected true or false.')
  .transform((text) => text !== 'false')
  .optional();

/** Named as the settings of a job, with `default_` before them. Unsent fields stay as they are. */
export function createDefaultFields(table: PostSettingTable) {
  const fields = Object.entries(table).map(([name, { control }]) => [
    `default_${name}`,
    isSwitch(control) ? flag : control.defaultsField,
  ]);
  return z.object({
    default_destination: z
      .enum(['', 'direct', 'inbox'], 'Expected direct, inbox, or nothing for no defaults.')
      .optional(),
    ...(Object.fromEntries(fields) as Record<string, z.ZodType>),
  });
}

export const DEFAULT_FIELDS = createDefaultFields(POST_SETTINGS);
export type DefaultsForm = z.output<typeof DEFAULT_FIELDS>;

type Saved = Omit<PostingDefaults, 'given_at'>;

/**
 * What is saved from now on; null when the creator wants none. Judged as a post's settings are: by
 * what TikTok offers now, where it could be asked.
 */
export function mergedDefaults(
  known: PostingDefaults | undefined,
  form: DefaultsForm,
  options: PostingOptions | null,
  table: PostSettingTable = POST_SETTINGS,
): Saved | null {
  const { default_destination, ...rest } = form;
  if (default_destination === '') return null;
  const settings: Saved['settings'] = { ...known?.settings, ...readSent(rest, table) };
  const destination =
    default_destination ?? known?.destination ?? (settings.privacy_level ? 'direct' : 'inbox');
  assertPostable(destination, settings, options, table);
  return { destination, settings, declaration: declaration(settings.brand_content ?? false) };
}

/** An empty choice takes away what was saved. */
function readSent(fields: Record<string, unknown>, table: PostSettingTable): Saved['settings'] {
  const sent = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => [name.slice('default_'.length), value === '' ? undefined : value]);
  return createSettingsPatchSchema(table).parse(Object.fromEntries(sent));
}

/** The form as it stands when what is saved has not been touched. */
export function toFields(saved: Saved | null): DefaultsForm {
  return Object.fromEntries([
    ['default_destination', saved?.destination],
    ...Object.entries(saved?.settings ?? {}).map(([name, value]) => [`default_${name}`, value]),
  ]);
}

function assertPostable(
  destination: Saved['destination'],
  settings: Saved['settings'],
  options: PostingOptions | null,
  table: PostSettingTable,
): void {
  const level = settings.privacy_level;
  if (destination === 'direct' && !level) {
    throw invalid('/default_privacy_level', 'Choose who can see posts that are made directly.');
  }
  const refusal = findPrivateRefusal(settings, table);
  if (refusal) throw invalid('/default_privacy_level', refusal);
  if (!options?.can_post) return;
  if (level && !options.privacy_level_options.includes(level)) {
    throw invalid('/default_privacy_level', 'TikTok does not offer this audience to your account.');
  }
  const [name] = listSwitchedOff(settings, options, table);
  if (name) {
    throw invalid(`/default_${name}`, 'This is switched off in your account’s TikTok settings.');
  }
}
