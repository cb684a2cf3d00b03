// The table of the settings of a post: API, forms and TikTok's bodies are made from it.
import { z } from 'zod';
import { TIKTOK_LIMITS } from './limits.ts';
import type { PostSettingTable } from './post-setting.ts';

export const PRIVACY_LEVELS = [
  'PUBLIC_TO_EVERYONE',
  'MUTUAL_FOLLOW_FRIENDS',
  'FOLLOWER_OF_CREATOR',
  'SELF_ONLY',
] as const;
export type PrivacyLevel = (typeof PRIVACY_LEVELS)[number];

const BOTH = ['video', 'photo'] as const;
const flag = z.boolean().default(false);

/**
 * A new switch needs a row here and nothing else in the product. A choice with more than two values
 * needs its field in `templates/jobs/new.eta` and `templates/creators/settings.eta` as well.
 * https://developers.tiktok.com/docs/en/content-posting-api-reference-direct-post
 * https://developers.tiktok.com/docs/en/content-posting-api-reference-photo-post
 */
export const POST_SETTINGS = {
  privacy_level: {
    schema: z
      .enum(PRIVACY_LEVELS)
      .optional()
      .describe('Who may see the post; required for `direct`, nobody chooses it silently.'),
    kinds: BOTH,
    wireName: 'privacy_level',
    isDirectOnly: true,
    isOfferedAsDefault: true,
    control: {
      read: (text) => text,
      defaultsField: z.enum(['', ...PRIVACY_LEVELS], 'Expected a privacy level.').optional(),
    },
  },
  allow_comment: {
    schema: flag,
    kinds: BOTH,
    wireName: 'disable_comment',
    isInverted: true,
    switchedOffBy: 'comment_disabled',
    isOfferedAsDefault: true,
    control: {
      group: 'interactions',
      label: 'Allow comments',
      shown: { term: 'Others may', words: 'comment' },
    },
  },
  allow_duet: {
    schema: flag,
    kinds: ['video'],
    wireName: 'disable_duet',
    isInverted: true,
    switchedOffBy: 'duet_disabled',
    isOfferedAsDefault: true,
    control: {
      group: 'interactions',
      label: 'Allow Duet',
      shown: { term: 'Others may', words: 'Duet' },
    },
  },
  allow_stitch: {
    schema: flag,
    kinds: ['video'],
    wireName: 'disable_stitch',
    isInverted: true,
    switchedOffBy: 'stitch_disabled',
    isOfferedAsDefault: true,
    control: {
      group: 'interactions',
      label: 'Allow Stitch',
      shown: { term: 'Others may', words: 'Stitch' },
    },
  },
  // The reference marks both toggles as required, although its examples leave them out.
  brand_organic: {
    schema: flag.describe('Promotes the creator’s own business.'),
    kinds: BOTH,
    wireName: 'brand_organic_toggle',
    isOfferedAsDefault: true,
    control: {
      group: 'brands',
      label: 'Your brand',
      hint: 'You are promoting yourself or your own business.',
      defaultsHint:
        'You are promoting yourself or your own business. TikTok labels it “Promotional content”.',
      shown: { term: 'Label', words: 'Promotional content' },
    },
  },
  brand_content: {
    schema: flag.describe('Paid partnership with a third party.'),
    kinds: BOTH,
    wireName: 'brand_content_toggle',
    privateRefusal: 'Branded content visibility cannot be set to private.',
    isOfferedAsDefault: true,
    control: {
      group: 'brands',
      label: 'Branded content',
      hint: 'You are promoting another brand or a third party.',
      defaultsHint:
        'You are promoting another brand or a third party. TikTok labels it “Paid partnership”; not possible while only you can see the post.',
      shown: { term: 'Label', words: 'Paid partnership' },
    },
  },
  is_aigc: {
    schema: flag.describe('Labels the post as AI-generated.'),
    kinds: BOTH,
    wireName: 'is_aigc',
    besidePostInfo: ['photo'],
    isOfferedAsDefault: true,
    control: {
      group: 'content',
      label: 'AI-generated',
      hint: 'TikTok labels the post “Creator labeled as AI-generated”.',
      shown: { term: 'Made with AI', words: 'Labeled as AI-generated' },
    },
  },
  cover_timestamp_ms: {
    schema: z.int().min(0).max(TIKTOK_LIMITS.video.maxDurationMs).default(0),
    kinds: ['video'],
    wireName: 'video_cover_timestamp_ms',
    isOfferedAsDefault: false,
    control: {
      read: (text) => Math.round(Number(text || 0)),
      defaultsField: z.coerce
        .number('Expected a number of milliseconds.')
        .int()
        .min(0)
        .max(TIKTOK_LIMITS.video.maxDurationMs)
        .optional(),
    },
  },
  auto_add_music: {
    schema: flag.describe('Photos alone: TikTok may add music by itself.'),
    kinds: ['photo'],
    wireName: 'auto_add_music',
    isOfferedAsDefault: false,
    control: {
      group: 'sound',
      label: 'Add music automatically',
      hint: 'TikTok chooses it; you can change it in the app later.',
      shown: { term: 'Sound', words: 'TikTok adds music' },
    },
  },
} satisfies PostSettingTable;

/** What the creator consented to. */
export type PostSettings = z.output<
  z.ZodObject<{ [K in keyof typeof POST_SETTINGS]: (typeof POST_SETTINGS)[K]['schema'] }>
>;
