// Schemas of the settings of a post, and the rules that two settings make together.
import { z } from 'zod';
import type { PostSetting, PostSettingTable } from './post-setting.ts';
import { POST_SETTINGS } from './post-settings.ts';

type Shape<T extends PostSettingTable> = { [K in keyof T]: T[K]['schema'] };
type PatchShape<T extends PostSettingTable> = {
  [K in keyof T]: z.ZodOptional<z.ZodType<Exclude<z.output<T[K]['schema']>, undefined>>>;
};

/** The whole settings of a post. Those that are not named get their defaults. */
export function createSettingsSchema<T extends PostSettingTable>(table: T) {
  const shape = mapSchemas(table, (schema) => schema) as Shape<T>;
  return z.strictObject(shape).superRefine((settings: Record<string, unknown>, check) => {
    const message = findPrivateRefusal(settings, table);
    if (message) check.addIssue({ code: 'custom', path: ['privacy_level'], message });
  });
}

/** Some settings of a post. Those that are not named stay as they are. */
export function createSettingsPatchSchema<T extends PostSettingTable>(table: T) {
  return z.strictObject(mapSchemas(table, withoutDefault) as PatchShape<T>);
}

export const settingsSchema = createSettingsSchema(POST_SETTINGS);
export const settingsPatchSchema = createSettingsPatchSchema(POST_SETTINGS);

/** The sentence for a setting that TikTok does not take with a post that only its creator sees. */
export function findPrivateRefusal(
  settings: Record<string, unknown>,
  table: PostSettingTable = POST_SETTINGS,
): string | undefined {
  if (settings['privacy_level'] !== 'SELF_ONLY') return undefined;
  return Object.entries(table).find(([name, row]) => row.privateRefusal && settings[name])?.[1]
    .privateRefusal;
}

/** The settings that are on although the creator has switched them off in TikTok's app. */
export function listSwitchedOff(
  settings: Record<string, unknown>,
  info: { [flag in NonNullable<PostSetting['switchedOffBy']>]: boolean },
  table: PostSettingTable = POST_SETTINGS,
): string[] {
  return Object.entries(table).flatMap(([name, { switchedOffBy }]) =>
    settings[name] && switchedOffBy && info[switchedOffBy] ? [name] : [],
  );
}

function mapSchemas(table: PostSettingTable, change: (schema: z.ZodType) => z.ZodType) {
  return Object.fromEntries(Object.entries(table).map(([name, row]) => [name, change(row.schema)]));
}

function withoutDefault(schema: z.ZodType): z.ZodType {
  return (schema instanceof z.ZodDefault ? (schema.unwrap() as z.ZodType) : schema).optional();
}
