// The composer's fields for the settings of a post: what they say, and what is wrong with it.
import type { PostingOptions } from '../../creators/posting-options.ts';
import { isSwitch, type PostKind, type PostSettingTable } from '../../tiktok/post-setting.ts';
import { POST_SETTINGS } from '../../tiktok/post-settings.ts';
import { findPrivateRefusal, listSwitchedOff } from '../../tiktok/settings-schema.ts';
import { groupSwitches } from '../../tiktok/switches.ts';

export type Form = Record<string, string>;
/** Field of the form → what is wrong with it. */
export type Faults = Record<string, string>;

export const isOn = (form: Form, name: string) => form[name] === 'on' || form[name] === 'true';

/** The settings that this kind of post has, not yet judged. Brands count only once disclosed. */
export function readSettings(
  form: Form,
  kind: PostKind,
  table: PostSettingTable = POST_SETTINGS,
): Record<string, unknown> {
  const isDirect = form['destination'] === 'direct';
  const isDisclosed = isOn(form, 'disclosure');
  const rows = Object.entries(table).filter(
    ([, { kinds, isDirectOnly }]) => kinds.includes(kind) && (isDirect || !isDirectOnly),
  );
  return Object.fromEntries(
    rows.map(([name, { control }]) => {
      if (!isSwitch(control)) return [name, control.read(form[name])];
      return [name, isOn(form, name) && (isDisclosed || control.group !== 'brands')];
    }),
  );
}

/** TikTok's rules for the settings of a direct post, by what TikTok offers the creator now. */
export function checkSettings(
  form: Form,
  kind: PostKind,
  options: PostingOptions & { can_post: true },
  table: PostSettingTable = POST_SETTINGS,
): Faults {
  const faults: Faults = {};
  const settings = readSettings(form, kind, table);
  if (!options.privacy_level_options.some((level) => level === settings['privacy_level'])) {
    const it = kind === 'photo' ? 'these photos' : 'this video';
    faults['privacy_level'] = `Choose who can see ${it}.`;
  }
  for (const name of listSwitchedOff(settings, options, table)) {
    faults[name] = 'Switched off in this account’s TikTok settings.';
  }
  const { brands } = groupSwitches(({ name }) => settings[name] === true, table);
  if (isOn(form, 'disclosure') && brands.length === 0) {
    faults['disclosure'] =
      'You need to indicate if your content promotes yourself, a third party, or both.';
  }
  const refusal = findPrivateRefusal(settings, table);
  if (refusal) faults['privacy_level'] = refusal;
  return faults;
}
