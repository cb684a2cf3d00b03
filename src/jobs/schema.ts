// What a request about a job may say; everything from outside passes here once.
import { z } from 'zod';
import type { Manifest } from '../context/context.ts';
import { TIKTOK_LIMITS } from '../tiktok/limits.ts';
import { settingsPatchSchema } from '../tiktok/settings-schema.ts';
import { createSourceSchema, type SourceRequest } from './source.ts';
import { STATUSES } from './states.ts';

const { caption, photo } = TIKTOK_LIMITS;

/** zod counts code points, TikTok UTF-16 units: an emoji is one of those and two of these. */
function words(limit: number) {
  return z
    .string()
    .refine((text) => text.length <= limit, `Expected at most ${limit} UTF-16 units`)
    .meta({ maxLength: limit });
}

const title = words(caption).describe(
  `The caption, with #tags and @mentions; at most ${caption} UTF-16 units.`,
);
const time = z.iso
  .datetime({ offset: true, error: 'Expected an RFC 3339 time, e.g. 2030-12-01T10:00:00Z' })
  .transform((text) => new Date(text));

/** `file`: what is said about one of them. */
function mediaFields(file: z.ZodType<SourceRequest>) {
  return {
    video: file.optional().describe('A video; this or `photos`.'),
    photos: z
      .array(file)
      .min(1)
      .max(photo.maxCount)
      .optional()
      .describe(`1 to ${photo.maxCount} photos in their order; these or \`video\`.`),
  };
}

/** A new post, whatever its media sources are called; requests are judged by `createJobSchema`. */
export const newJobSchema = z
  .strictObject({
    mode: z.enum(['now', 'schedule']),
    schedule_at: time.nullish().describe('When to post; with `schedule`, in the future.'),
    title: title.default(''),
    ...mediaFields(z.looseObject({ source: z.string() })),
    description: words(photo.description)
      .optional()
      .describe(
        `Photos alone: the text below the title; at most ${photo.description} UTF-16 units.`,
      ),
    photo_cover_index: z
      .int()
      .min(0)
      .max(photo.maxCount - 1)
      .optional()
      .describe('Photos alone: which is shown first, from 0.'),
    destination: z
      .enum(['direct', 'inbox'])
      .optional()
      .describe(
        'Default: that of the saved posting defaults. `direct` posts; `inbox` hands the video to the creator’s TikTok inbox.',
      ),
    settings: settingsPatchSchema
      .optional()
      .describe('A direct post without a privacy level takes the saved posting defaults.'),
    allow_duplicate: z
      .boolean()
      .default(false)
      .describe('Whether the same media may be posted again within 24 hours.'),
    on_limit: z
      .enum(['fail', 'delay'])
      .default('fail')
      .describe(
        '`delay` moves the post to the next free time when a limit is reached, as far as the plan reaches.',
      ),
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
    if (job.video ? job.photos : !job.photos) {
      fault(job.video ? ['photos'] : ['video'], 'Expected either a video or photos.');
    }
    if (job.photos && job.title.length > photo.title) {
      fault(
        ['title'],
        `Expected at most ${photo.title} UTF-16 units, as TikTok takes with photos.`,
      );
    }
    if (job.photos && (job.photo_cover_index ?? -1) >= job.photos.length) {
      fault(['photo_cover_index'], `Expected a number below ${job.photos.length}.`);
    }
    if (!job.photos && job.description !== undefined) {
      fault(['description'], 'Only photos have a description; a video has its title alone.');
    }
    if (!job.photos && job.photo_cover_index !== undefined) {
      fault(
        ['photo_cover_index'],
        'Only photos have this; a video has `settings.cover_timestamp_ms`.',
      );
    }
  });
export type NewJobRequest = z.output<typeof newJobSchema>;

/** The body of `POST /v1/jobs`, with the media sources that these modules offer. */
export function createJobSchema(modules: Manifest[]): typeof newJobSchema {
  return newJobSchema.safeExtend(mediaFields(createSourceSchema(modules)));
}

export const jobPatchSchema = z.strictObject({
  title: title.optional(),
  settings: settingsPatchSchema.optional(),
  schedule_at: time.optional(),
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
