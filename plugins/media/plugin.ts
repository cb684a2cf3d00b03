// The media plugin: inspects uploads, and prepares the files of a post so that TikTok takes them.
import { existsSync } from 'node:fs';
import { z } from 'zod';
import type { Manifest } from '#plugin';
import { fetchSource } from './fetch.ts';
import { inspect } from './inspect.ts';
import { preparePhotos } from './photos/prepare.ts';
import { thumbnails } from './photos/thumbnail.ts';
import { prepare } from './prepare.ts';

const program = z
  .string()
  .refine((path) => existsSync(path), { error: 'Expected the path of a program that is there' });

export default {
  name: 'media',
  settings: {
    FFMPEG_PATH: program
      .optional()
      .describe('The ffmpeg to use. Default: the one in PATH, else the one from npm.'),
    FFPROBE_PATH: program
      .optional()
      .describe('The ffprobe to use. Default: the one in PATH, else the one from npm.'),
  },
  steps: {
    fetch: { run: fetchSource },
    prepare: {
      run: (job, context) =>
        job.kind === 'photo' ? preparePhotos(job, context) : prepare(job, context),
    },
  },
  inspect,
  routes: thumbnails,
  personalData: {
    nothing: 'It works on files through the storage port; the core owns the rows about them.',
  },
} satisfies Manifest;
