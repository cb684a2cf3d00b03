// The fields of posting defaults on the settings page, and what they mean together.
import { z } from 'zod';
import { invalid } from '../base/errors.ts';
import type { PostingDefaults } from '../creators/posting-defaults.ts';
import type { PostingOptions } from '../creators/posting-options.ts';
import { PRIVACY_LEVELS } from '../jobs/job.ts';
import { declaration } from '../tiktok/declaration.ts';

const flag = z
  .enum(['true', 'false', 'on'], 'Expected true or false.')
  .transform((text) => text !== 'false')
  .optional();

/** Named as the settings of a job, with `default_` before them. Unsent fields stay as they are. */
export const DEFAULT_FIELDS = z.object({
  default_destination: z
    .enum(['', 'direct', 'inbox'], 'Expected direct, inbox, or nothing for no defaults.')
    .optional(),
  default_privacy_level: z.enum(['', ...PRIVACY_LEVELS], 'Expected a privacy level.').optional(),
  default_allow_comment: flag,
  default_allow_duet: flag,
  default_allow_stitch: flag,
  default_brand_organic: flag,
  default_brand_content: flag,
  default_is_aigc: flag,
  default_auto_add_music: flag,
  default_cover_timestamp_ms: z.coerce
    .number('Expected a number of milliseconds.')
    .int()
    .min(0)
    .max(600_000)
    .optional(),
});
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
): Saved | null {
  if (form.default_destination === '') return null;
  const { default_destination, default_privacy_level, ...rest } = form;
  const sent = Object.entries(rest)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => [name.slice('default_'.length), value]);
  const level = default_privacy_level ?? known?.settings.privacy_level;
  const settings: Saved['settings'] = {
    ...known?.settings,
    ...Object.fromEntries(sent),
    privacy_level: level || undefined,
  };
  const destination =
    default_destination ?? known?.destination ?? (settings.privacy_level ? 'direct' : 'inbox');
  assertPostable(destination, settings, options);
  return { destination, settings, declaration: declaration(settings.brand_content ?? false) };
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
  { privacy_level, brand_content, ...settings }: Saved['settings'],
  options: PostingOptions | null,
): void {
  if (destination === 'direct' && !privacy_level) {
    throw invalid('/default_privacy_level', 'Choose who can see posts that are made directly.');
  }
  if (brand_content && privacy_level === 'SELF_ONLY') {
    throw invalid('/default_privacy_level', 'Branded content visibility cannot be set to private.');
  }
  if (!options?.can_post) return;
  if (privacy_level && !options.privacy_level_options.includes(privacy_level)) {
    throw invalid('/default_privacy_level', 'TikTok does not offer this audience to your account.');
  }
  for (const name of ['comment', 'duet', 'stitch'] as const) {
    if (settings[`allow_${name}`] && options[`${name}_disabled`]) {
      throw invalid(
        `/default_allow_${name}`,
        'This is switched off in your account’s TikTok settings.',
      );
    }
  }
}
