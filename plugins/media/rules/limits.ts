// TikTok's limits for a video.
// https://developers.tiktok.com/docs/en/content-posting-api-media-transfer-guide (2026-09-11)

/** "23-60 fps". */
export const MIN_FPS = 23;
export const MAX_FPS = 60;
/** How far a frame rate may be off a limit: containers round their clocks. */
export const CLOCK = 0.01;
/** "Both sides 360-4096 px". */
export const MIN_SIDE = 360;
export const MAX_SIDE = 4096;
/** TikTok's documents name no minimum; it refused shorter videos hours after they were sent. */
export const MIN_DURATION_MS = 1_000;
/** "API ceiling 10 min". A creator's own limit may be lower; publishing asks TikTok for it. */
export const MAX_DURATION_MS = 600_000;
/** "≤4 GB". TikTok's limits for chunks turned out to be decimal, so the smaller reading is used. */
export const MAX_BYTES = 4_000_000_000;
