// Lists the containers and codecs that ffmpeg may read; rarely used ones hold most known holes.

/**
 * More than an 8K camera's picture has; a header that claims more is meant to exhaust the memory.
 */
export const MAX_PIXELS = 8192 * 8192;

/** Only formats that cannot name other files: no playlists, no concat, no image sequences. */
export const DEMUXERS = ['mov', 'matroska', 'avi', 'mpegts', 'mpeg', 'flv', 'gif'];

/** The decoders of ffmpeg that may read a codec, by ffprobe's name of the codec. */
const READERS: Record<string, string[]> = {
  h264: ['h264'],
  hevc: ['hevc'],
  vp8: ['vp8', 'libvpx'],
  vp9: ['vp9', 'libvpx-vp9'],
  av1: ['av1', 'libdav1d', 'libaom-av1'],
  prores: ['prores'],
  dnxhd: ['dnxhd'],
  mpeg4: ['mpeg4'],
  msmpeg4v3: ['msmpeg4'],
  mpeg2video: ['mpeg2video'],
  mpeg1video: ['mpeg1video'],
  mjpeg: ['mjpeg'],
  h263: ['h263'],
  flv1: ['flv'],
  gif: ['gif'],
  aac: ['aac'],
  mp3: ['mp3float', 'mp3'],
  mp2: ['mp2float', 'mp2'],
  ac3: ['ac3'],
  eac3: ['eac3'],
  dts: ['dca'],
  opus: ['opus', 'libopus'],
  vorbis: ['vorbis', 'libvorbis'],
  flac: ['flac'],
  alac: ['alac'],
  amr_nb: ['amrnb'],
  amr_wb: ['amrwb'],
  adpcm_ms: ['adpcm_ms'],
  adpcm_ima_wav: ['adpcm_ima_wav'],
  ...Object.fromEntries(
    ['u8', 's16le', 's16be', 's24le', 's24be', 's32le', 's32be', 'f32le', 'f32be', 'alaw', 'mulaw']
      .map((kind) => `pcm_${kind}`)
      .map((name) => [name, [name]]),
  ),
};

/**
 * Decoders of subtitles and covers. We never decode these streams, but ffprobe gives up on a file
 * when a stream's decoder is not listed.
 */
const UNUSED = ['mov_text', 'srt', 'subrip', 'ass', 'ssa', 'text', 'webvtt', 'png'];

/** ffmpeg's `-codec_whitelist`. */
export const DECODERS = [...Object.values(READERS).flat(), ...UNUSED];

/** Whether a codec, by ffprobe's name, is one that we decode. */
export function isReadable(codec: string): boolean {
  return codec in READERS;
}

const NAMES: Record<string, string> = {
  h264: 'H.264',
  hevc: 'H.265',
  mpeg4: 'MPEG-4 part 2',
  msmpeg4v3: 'MPEG-4 part 2',
  mpeg2video: 'MPEG-2',
  mpeg1video: 'MPEG-1',
  mjpeg: 'Motion JPEG',
  prores: 'ProRes',
  h263: 'H.263',
  ac3: 'AC-3',
  eac3: 'E-AC-3',
  opus: 'Opus',
  vorbis: 'Vorbis',
};

/** Returns the sentence, without a full stop, that tells a creator which codec we cannot read. */
export function cannotRead(codec: string): string {
  const name = codec === 'unknown' ? 'this kind of video' : codecName(codec);
  return `We cannot read ${name}; save it as H.264 with AAC sound`;
}

/** Returns the codec's name as people write it. */
export function codecName(codec: string): string {
  if (codec.startsWith('pcm_')) return 'PCM';
  return NAMES[codec] ?? codec.toUpperCase();
}
