// What a request about a job may say; everything from outside passes here once.
import { z } from 'zod';
import { PRIVACY_LEVELS } from './job.ts';
import { STATUSES } from './states.ts';

const MAX_TITLE = 2200;
/** TikTok counts UTF-16 units, as JavaScript's `length` does. */
const title = z
  .string()
  // zod counts code points, TikTok UTF-16 units: an emoji is one of those and two of these.
  .refine((text) => text.length <= MAX_TITLE, `Expected at most ${MAX_TITLE} UTF-16 units`)
  .meta({ maxLength: MAX_TITLE })
  .describe('The caption, with #tags and @mentions; at most 2200 UTF-16 units.');
const time = z.iso
  .datetime({ offset: true, error: 'Expected an RFC 3339 time, e.g. 2030-12-01T10:00:00Z' })
  .transform((text) => new Date(text));

const settingsShape = {
  privacy_level: z
    .enum(PRIVACY_LEVELS)
    .optional()
    .describe('Who may see the post; required for `direct`, nobody chooses it silently.'),
  allow_comment: z.boolean().default(false),
  allow_duet: z.boolean().default(false),
  allow_stitch: z.boolean().default(false),
  brand_organic: z.boolean().default(false).describe('Promotes the creator’s own business.'),
  brand_content: z.boolean().default(false).describe('Paid partnership with a third party.'),
  is_aigc: z.boolean().default(false).describe('Labels the post as AI-generated.'),
  cover_timestamp_ms: z.int().min(0).max(600_000).default(0),
};

export const settingsSchema = z
  .strictObject(settingsShape)
  .refine((settings) => !(settings.brand_content && settings.privacy_level === 'SELF_ONLY'), {
    path: ['privacy_level'],
    error: 'Branded content visibility cannot be set to private.',
  });

const videoSchema = z.discriminatedUnion('source', [
  z.strictObject({
    source: z.literal('pm3k_storage'),
    storage_key: z.string().min(1).max(100).describe('As answered by `POST /v1/media`.'),
  }),
  z.strictObject({
    source: z.literal('url'),
    url: z.string().min(1).max(2048).describe('An https URL on a verified domain.'),
  }),
]);

export const newJobSchema = z
  .strictObject({
    mode: z.enum(['now', 'schedule']),
    schedule_at: time.nullish().describe('When to post; with `schedule`, in the future.'),
    title: title.default(''),
    video: videoSchema,
    destination: z
      .enum(['direct', 'inbox'])
      .describe('`direct` posts; `inbox` hands the video to the creator’s TikTok inbox.'),
    settings: settingsSchema.optional(),
    allow_duplicate: z.boolean().default(false),
    on_limit: z.enum(['fail', 'delay']).optional(),
  })
  .superRefine((job, check) => {
    const fault = (path: string[], message: string) =>
      check.addIssue({ code: 'custom', path, message });
    if (job.mode === 'schedule' && !job.schedule_at) {
      fault(['schedule_at'], 'Expected a time, because mode is `schedule`.');
    }
    if (job.mode === 'now' && job.schedule_at) {
      fault(['schedule_at'], 'Expected no time, because mode is `now`.');
    }
    if (job.schedule_at && job.schedule_at <= new Date()) {
      fault(['schedule_at'], 'Expected a time in the future.');
    }
    if (job.destination === 'direct' && !job.settings?.privacy_level) {
      fault(
        ['settings', 'privacy_level'],
        'Expected a privacy level: a direct post needs one, and nobody chooses it for you.',
      );
    }
  });
export type NewJobRequest = z.output<typeof newJobSchema>;

/** Settings that are not named stay as they are. */
const changedSettings = z.strictObject(
  Object.fromEntries(
    Object.entries(settingsShape).map(([name, schema]) => [name, withoutDefault(schema)]),
  ) as {
    [K in keyof typeof settingsShape]: z.ZodType<z.output<(typeof settingsShape)[K]> | undefined>;
  },
);

function withoutDefault(schema: z.ZodType): z.ZodType {
  return (schema instanceof z.ZodDefault ? (schema.unwrap() as z.ZodType) : schema).optional();
}

export const jobPatchSchema = z.strictObject({
  title: title.optional(),
  settings: changedSettings.optional(),
  schedule_at: time.refine((at) => at > new Date(), 'Expected a time in the future.').optional(),
});
export type JobPatch = z.output<typeof jobPatchSchema>;

export const resolutionSchema = z.strictObject({ outcome: z.enum(['posted', 'not_posted']) });

export const jobListSchema = z.strictObject({
  status: z.enum(STATUSES).optional(),
  cursor: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(100).default(20),
});

export const waitSchema = z.strictObject({
  wait: z.coerce.number().int().min(0).max(30).default(0),
});
