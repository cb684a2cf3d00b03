// The settings of a post as TikTok's init calls take them.
import type { PostKind, PostSettingTable } from './post-setting.ts';
import { POST_SETTINGS } from './post-settings.ts';

/** `postInfo` goes into `post_info`, `beside` into the body itself. */
export function writeSettings(
  settings: Record<string, unknown>,
  kind: PostKind,
  table: PostSettingTable = POST_SETTINGS,
) {
  const rows = Object.entries(table).filter(([, { kinds }]) => kinds.includes(kind));
  const write = (isBeside: boolean): Record<string, unknown> =>
    Object.fromEntries(
      rows
        .filter(([, { besidePostInfo = [] }]) => besidePostInfo.includes(kind) === isBeside)
        .map(([name, { wireName, isInverted }]) => [
          wireName,
          isInverted ? !settings[name] : settings[name],
        ]),
    );
  return { postInfo: write(false), beside: write(true) };
}
