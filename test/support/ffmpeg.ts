// The ffmpeg and ffprobe of an appliance under test.
import { chmodSync } from 'node:fs';
import ffmpeg from '@ffmpeg-installer/ffmpeg';
import ffprobe from '@ffprobe-installer/ffprobe';

/**
 * npm's programs, which start in a tenth of the processor time of a distribution's, whose shared
 * libraries take longer to load than a short video to read. They serve where a video is only cargo.
 */
export const QUICK_FFMPEG = { FFMPEG_PATH: ffmpeg.path, FFPROBE_PATH: ffprobe.path };

/** The programs that the appliance finds for itself: for tests about what becomes of the media. */
export const OWN_FFMPEG = { FFMPEG_PATH: '', FFPROBE_PATH: '' };

// Its executable bit is missing where install scripts are blocked.
chmodSync(ffprobe.path, 0o755);
