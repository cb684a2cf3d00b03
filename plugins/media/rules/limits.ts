// TikTok's limits for a video.
// https://developers.tiktok.com/docs/en/content-posting-api-media-transfer-guide (2026-09-11)

/** "23-60 fps"; a clock's hundredth does not count. */
export const MIN_FPS = 23;
export const MAX_FPS = 60;
export const CLOCK = 0.01;
/** "Both sides 360-4096 px". */
export const MIN_SIDE = 360;
export const MAX_SIDE = 4096;
/** Its documents name none; shorter ones are refused hours later. */
export const MIN_DURATION_MS = 1_000;
/** "API ceiling 10 min"; a creator's own may be lower and is asked for. */
export const MAX_DURATION_MS = 600_000;
/** "≤4 GB": of its limits for chunks the decimal reading turned out right, so the smaller is meant. */
export const MAX_BYTES = 4_000_000_000;
