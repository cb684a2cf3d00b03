// TikTok's answers as schemas. Unknown fields pass: TikTok adds some now and then.
import { isInteger, parse } from 'lossless-json';
import { z } from 'zod';

/** Parses JSON. Whole numbers beyond 2^53, such as ids, become strings; others stay numbers. */
export function parseText(text: string): unknown {
  return parse(text, null, (digits) => {
    if (isInteger(digits) && !Number.isSafeInteger(Number(digits))) return digits;
    return Number(digits);
  });
}

const text = z.string();
const optionalText = z
  .string()
  .nullish()
  .transform((value) => value || null);
const id = z.union([z.string(), z.number()]).transform(String);

/** `error.code` alone decides: creator_info says "not now" with HTTP 200. */
export const envelope = z.looseObject({
  data: z.unknown().optional(),
  error: z.looseObject({
    code: text,
    message: z.string().nullish(),
    log_id: z.string().nullish(),
    // The reference's spelling; the wire says log_id.
    logid: z.string().nullish(),
  }),
});

export const oauthError = z.looseObject({
  error: z.string().min(1),
  error_description: z.string().nullish(),
  log_id: z.string().nullish(),
});

export const tokens = z.looseObject({
  access_token: z.string().min(1),
  refresh_token: z.string().min(1),
  open_id: z.string().min(1),
  scope: z.string().default(''),
  expires_in: z.coerce.number().int().positive(),
  refresh_expires_in: z.coerce.number().int().positive(),
});

export const userInfo = z.looseObject({
  user: z.looseObject({
    open_id: optionalText,
    display_name: optionalText,
    avatar_url: optionalText,
    username: optionalText,
    bio_description: optionalText,
  }),
});

export const creatorInfo = z.looseObject({
  creator_avatar_url: optionalText,
  creator_username: optionalText,
  creator_nickname: optionalText,
  privacy_level_options: z.array(text).default([]),
  comment_disabled: z.boolean().default(false),
  duet_disabled: z.boolean().default(false),
  stitch_disabled: z.boolean().default(false),
  max_video_post_duration_sec: z.coerce.number().int().default(600),
});

export const videoInit = z.looseObject({
  publish_id: z.string().min(1),
  upload_url: z.string().min(1),
});

export const photoInit = z.looseObject({ publish_id: z.string().min(1) });

/** At times no array, and at times nothing an id could be: a post is no less made for that. */
const ids = z
  .union([z.array(id), id.transform((one) => [one])])
  .catch([])
  .transform((all) => all.filter((each) => /^[1-9]\d*$/.test(each)));

/** Both spellings of "publicly"; at times no array. */
export const publishStatus = z.looseObject({
  status: text,
  fail_reason: optionalText,
  publicaly_available_post_id: ids,
  publicly_available_post_id: ids,
  uploaded_bytes: z.coerce.number().nullish(),
});
