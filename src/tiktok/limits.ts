// TikTok's limits of posts and files, each in one place.

/**
 * Texts are counted in UTF-16 units, as JavaScript's `length` does. A megabyte is 1,000,000 bytes.
 * https://developers.tiktok.com/docs/en/content-posting-api-media-transfer-guide (2026-09-11)
 * https://developers.tiktok.com/docs/en/content-posting-api-reference-photo-post
 */
export const TIKTOK_LIMITS = {
  caption: 2200,
  video: {
    /**
     * "≤4 GB". TikTok does not say whether it counts decimally. It does for the sizes of chunks, so
     * the smaller reading is taken.
     */
    maxBytes: 4_000_000_000,
    /** "23-60 fps". */
    minFps: 23,
    maxFps: 60,
    /** "Both sides 360-4096 px". */
    minSide: 360,
    maxSide: 4096,
    /** TikTok documents no minimum. It refuses shorter videos hours after the upload. */
    minDurationMs: 1_000,
    /** "API ceiling 10 min". A creator's own limit may be lower; creator_info tells it. */
    maxDurationMs: 600_000,
  },
  photo: {
    maxCount: 35,
    title: 90,
    description: 4000,
    maxBytes: 20_000_000,
    /** "max 1080p". One photo whose shorter side is longer fails the whole post. */
    maxShortSide: 1080,
    maxLongSide: 1920,
    /** TikTok refused 320×320 and took 480×640. Videos need 360, so photos get as much. */
    minShortSide: 360,
  },
} as const;
