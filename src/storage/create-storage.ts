// Creates the storage that the configuration names.
import { join, resolve } from 'node:path';
import type { Config } from '../base/config.ts';
import { createDiskStorage } from './disk.ts';
import { createS3Storage } from './s3.ts';
import type { Storage } from './storage.ts';

/** Returns the storage without connecting to it; `open` does that. */
export function createStorage(config: Config): Storage {
  if (config.STORAGE === 'disk') return createDiskStorage(join(resolve(config.DATA_DIR), 'media'));
  return createS3Storage({
    endPoint: config.S3_ENDPOINT as string,
    region: config.S3_REGION,
    bucket: config.S3_BUCKET as string,
    accessKey: config.S3_ACCESS_KEY_ID as string,
    secretKey: config.S3_SECRET_ACCESS_KEY as string,
    pathStyle: config.S3_FORCE_PATH_STYLE,
  });
}
