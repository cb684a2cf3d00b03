// The schema of ffprobe's JSON, with the fields that a probe reads.
import { z } from 'zod';
import { packets } from './timing.ts';

const number = z.coerce.number().catch(0);
const stream = z.looseObject({
  index: z.number(),
  codec_type: z.string().optional(),
  codec_name: z.string().optional(),
  codec_tag_string: z.string().default(''),
  profile: z.string().optional(),
  pix_fmt: z.string().optional(),
  width: z.number().optional(),
  height: z.number().optional(),
  sample_aspect_ratio: z.string().optional(),
  field_order: z.string().optional(),
  color_transfer: z.string().optional(),
  color_primaries: z.string().optional(),
  avg_frame_rate: z.string().optional(),
  start_time: number.optional(),
  sample_rate: number.optional(),
  channels: z.number().optional(),
  disposition: z
    .looseObject({ attached_pic: z.number().optional(), default: z.number().optional() })
    .optional(),
  tags: z.record(z.string(), z.string()).default({}),
  side_data_list: z
    .array(z.looseObject({ rotation: number.optional(), dv_profile: number.optional() }))
    .default([]),
});
export type Stream = z.output<typeof stream>;

export const output = z.looseObject({
  streams: z.array(stream).default([]),
  chapters: z.array(z.unknown()).default([]),
  packets,
  format: z.looseObject({
    format_name: z.string(),
    duration: number,
    start_time: number,
    size: z.string().optional(),
    tags: z.record(z.string(), z.string()).default({}),
  }),
});
