// What a row of the table of post settings says.
import type { z } from 'zod';

export type PostKind = 'video' | 'photo';

/** What a person switches on and off. Each group has its place on the pages. */
export interface Switch {
  group: 'interactions' | 'sound' | 'content' | 'brands';
  label: string;
  hint?: string;
  /** Replaces the hint where posting defaults are chosen. */
  defaultsHint?: string;
  /** How the page of a post tells that it is on: a term and words. */
  shown: { term: string; words: string };
}

/** A choice that the templates draw with markup of its own. */
export interface OwnField {
  /** Reads the composer's field. The schema of the setting judges what comes out. */
  read(text: string | undefined): unknown;
  /** Reads the field of the posting defaults. Undefined leaves what is saved. */
  defaultsField: z.ZodType;
}

export interface PostSetting {
  /** As in the API. Its default is what a post gets that does not name the setting. */
  schema: z.ZodType;
  kinds: readonly PostKind[];
  /** The name in TikTok's `post_info`. */
  wireName: string;
  /** TikTok asks for the opposite: `allow_comment` is sent as `disable_comment`. */
  isInverted?: true;
  /** The kinds for which TikTok wants it beside `post_info` instead of inside. */
  besidePostInfo?: readonly PostKind[];
  /** The field of creator_info which tells that the creator has switched this off in the app. */
  switchedOffBy?: 'comment_disabled' | 'duet_disabled' | 'stitch_disabled';
  /** A post to the inbox does not keep it. */
  isDirectOnly?: true;
  /** Why TikTok refuses it while only the creator can see the post. */
  privateRefusal?: string;
  /** The settings page offers it. Other settings are saved only if somebody sends the field. */
  isOfferedAsDefault: boolean;
  control: Switch | OwnField;
}

/** Name in the API, in `jobs.settings` and in forms → the setting. */
export type PostSettingTable = Record<string, PostSetting>;

export function isSwitch(control: PostSetting['control']): control is Switch {
  return 'group' in control;
}
