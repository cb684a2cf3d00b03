// Videos as creators have them, one a trait, each with the result that is expected of it.
import { aBox, findBoxes, withBox, withChange } from '../../support/boxes.ts';
import { AAC, CONFORMING, H264, type Trait } from '../../support/videos.ts';

export type Verdict = 'as is' | 'remux' | 'audio' | 're-encode';

export interface Case extends Trait {
  name: string;
  verdict: Verdict;
  /** Patterns of the sentences for the creator, one for each. */
  says?: RegExp[];
  /** How many seconds later than the flash the beep is heard. */
  beepLagsS?: number;
  /** The file that is sent lacks pictures that the source hides. */
  losesPictures?: boolean;
  /** Expected values of the file that is sent, as ffprobe measures them. */
  becomes?: {
    codec?: string;
    audio?: string | null;
    fps?: number;
    size?: string;
    rotation?: number;
  };
}

const SMALL = '360x360';
const HEVC = ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=none'];
const VP8 = ['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-b:v', '1M'];
const VP9 = ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8', '-b:v', '1M'];
const AV1 = ['-c:v', 'libaom-av1', '-cpu-used', '8', '-usage', 'realtime', '-b:v', '1M'];
const OPUS = ['-c:a', 'libopus'];
const FRONT = ['-movflags', '+faststart'];
const YUV = ['-pix_fmt', 'yuv420p'];

const AS_IS: Omit<Case, 'verdict'>[] = [
  { name: 'H.264 with AAC in MP4' },
  { name: 'H.265 in MP4', options: [...HEVC, ...YUV, '-tag:v', 'hvc1', ...AAC, ...FRONT] },
  { name: 'H.265 in MOV', extension: 'mov', options: [...HEVC, ...YUV, ...AAC, ...FRONT] },
  { name: 'H.264 in MOV', extension: 'mov' },
  { name: 'VP9 with Opus in WebM', extension: 'webm', options: [...VP9, ...OPUS] },
  { name: 'VP9 without sound in WebM', extension: 'webm', has_sound: false, options: VP9 },
  { name: 'VP9 with AAC in MP4', options: [...VP9, ...AAC, ...FRONT] },
  {
    name: 'VP8 with Vorbis in WebM',
    extension: 'webm',
    options: [...VP8, '-c:a', 'libvorbis', '-ac', '2'],
  },
  { name: 'a video without sound', has_sound: false, options: [...H264, ...FRONT] },
  { name: 'mono sound', options: [...CONFORMING, '-ac', '1'] },
  { name: 'full-range colours', options: [...CONFORMING, '-pix_fmt', 'yuvj420p'] },
  { name: '23 frames a second', rate: '23' },
  { name: '23.976 frames a second', rate: '24000/1001' },
  { name: '59.94 frames a second', rate: '60000/1001' },
  { name: '60 frames a second', rate: '60' },
  { name: 'the smallest picture', size: SMALL },
  { name: 'the largest picture', size: '4096x360' },
  { name: 'exactly one second', seconds: 1 },
  {
    name: 'a phone’s wavering clock',
    filters: "settb=1/90000,setpts='PTS+300*sin(N*7)'",
    options: [...CONFORMING, '-fps_mode', 'passthrough', '-video_track_timescale', '90000'],
  },
  {
    name: 'a phone held upright',
    size: '640x360',
    after: turned,
    options: [...H264, ...AAC, ...FRONT],
  },
  { name: 'sound that begins late', options: [...CONFORMING, '-af', 'asetpts=PTS+0.2/TB'] },
  { name: 'long pictures between key frames', options: [...CONFORMING, '-g', '300', '-bf', '0'] },
  {
    name: 'pictures out of order',
    options: ['-c:v', 'libx264', ...YUV, '-bf', '3', ...AAC, ...FRONT],
  },
];

const PACKED = /Matroska, so we packed it as MP4 without changing the picture/;
const REMUXED: Omit<Case, 'verdict'>[] = [
  { name: 'Matroska', extension: 'mkv', options: [...H264, ...AAC], says: [PACKED] },
  {
    name: 'AVI',
    extension: 'avi',
    has_sound: false,
    options: [...H264, '-bf', '0'],
    says: [/AVI/],
  },
  { name: 'a transport stream', extension: 'ts', options: [...H264, ...AAC], says: [/transport/] },
  { name: 'FLV', extension: 'flv', options: [...H264, ...AAC], says: [/FLV/] },
  { name: '3GP', extension: '3gp', options: [...H264, ...AAC], says: [/3GP/, /index/] },
  {
    name: 'VP9 with Opus in Matroska',
    extension: 'mkv',
    options: [...VP9, ...OPUS],
    says: [/packed it as WebM/],
    becomes: { codec: 'vp9', audio: 'opus' },
  },
  { name: 'VP8 in Matroska', extension: 'mkv', options: [...VP8, ...OPUS], says: [/as WebM/] },
  {
    name: 'VP9 with AAC in Matroska',
    extension: 'mkv',
    options: [...VP9, ...AAC],
    becomes: { codec: 'vp9', audio: 'aac' },
  },
  { name: 'an index at the end', options: [...H264, ...AAC], says: [/index/] },
  {
    name: 'fragments',
    options: [...H264, ...AAC, '-movflags', 'frag_keyframe+empty_moov'],
    says: [/fragments/],
  },
  {
    name: 'a WebM without a length, as browsers record',
    extension: 'webm',
    options: [...VP9, ...OPUS, '-f', 'webm', '-live', '1'],
    says: [/how long/],
  },
  {
    name: 'several sound tracks',
    inputs: [['-f', 'lavfi', '-i', 'sine=880:duration=1.2']],
    options: ['-map', '0', '-map', '1', '-map', '2', ...CONFORMING],
    says: [/had 2, so we kept the main one/],
  },
  {
    name: 'subtitles',
    inputs: [['-f', 'srt', '-i', asData('1\n00:00:00,000 --> 00:00:01,000\nHello.\n')]],
    options: ['-map', '0', '-map', '1', '-map', '2', '-c:s', 'mov_text', ...CONFORMING],
    says: [/neither picture nor sound/],
  },
  {
    name: 'a cover',
    inputs: [['-f', 'lavfi', '-i', 'color=red:size=64x64:duration=0.04']],
    options: [
      ...['-map', '0', '-map', '1', '-map', '2', ...CONFORMING],
      ...['-c:v:1', 'png', '-pix_fmt:v:1', 'rgb24', '-frames:v:1', '1'],
      ...['-disposition:v:1', 'attached_pic'],
    ],
    says: [/neither picture nor sound/],
  },
  {
    name: 'chapters',
    inputs: [
      [
        '-f',
        'ffmetadata',
        '-i',
        asData(';FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/10\nSTART=0\nEND=5\n'),
      ],
    ],
    options: ['-map', '0', '-map', '1', '-map_chapters', '2', ...CONFORMING],
    says: [/neither picture nor sound/],
  },
  {
    name: 'a timecode',
    extension: 'mov',
    options: [...CONFORMING, '-timecode', '00:00:00:00'],
    says: [/neither picture nor sound/],
  },
  {
    name: 'a place',
    options: [...CONFORMING, '-metadata', 'location=+52.5000+013.4000/'],
    says: [/where it was filmed, which nobody means to publish/],
  },
  {
    name: 'a phone’s place and make',
    extension: 'mov',
    options: [
      ...[...CONFORMING, '-movflags', '+faststart+use_metadata_tags'],
      ...['-metadata', 'com.apple.quicktime.location.ISO6709=+52.5+013.4/'],
      ...['-metadata', 'com.apple.quicktime.make=Canary'],
    ],
    says: [/where it was filmed and which device or program made it/],
  },
  {
    name: 'a maker’s words',
    options: [...CONFORMING, '-metadata', 'comment=Canary'],
    says: [/notes of its maker/],
  },
  {
    name: 'a WebM with a place',
    extension: 'webm',
    options: [...VP9, ...OPUS, '-metadata', 'location=+52.5+013.4/'],
    says: [/where it was filmed/],
    becomes: { codec: 'vp9', audio: 'opus' },
  },
  {
    name: 'a private box after the film',
    after: (mp4) => withBox(mp4, [], aBox('uuid', Buffer.from('0123456789abcdefCanary'))),
    says: [/device/],
  },
  {
    name: 'a place in a box that ffprobe does not show',
    options: [...H264, ...AAC],
    after: (mp4) => withBox(mp4, ['moov', 'udta'], aBox('GPS ', 'Canary')),
    says: [/where it was filmed/, /index/],
  },
  {
    name: 'a maker’s bytes after the film',
    after: (mp4) => Buffer.concat([mp4, Buffer.from('Canary! SEFT')]),
    says: [/notes of its maker/],
  },
  {
    name: 'a note that ffprobe does not show',
    options: [...H264, ...AAC],
    after: (mp4) => withBox(mp4, ['moov', 'udta', 'meta', 'ilst'], aBox('zzzz', 'Canary')),
    says: [/notes of its maker/, /index/],
  },
  {
    name: 'a track of places',
    extension: 'mov',
    options: [...CONFORMING, '-timecode', '00:00:00:00'],
    after: (mov) => {
      // The last track is declared as a GoPro's instead of a timecode.
      const made = Buffer.from(mov);
      made.write('gpmd', made.lastIndexOf('stsd') + 16, 'latin1');
      return made;
    },
    says: [/where it was filmed/],
  },
  {
    name: 'an end that was cut off and is still stored',
    losesPictures: true,
    seconds: 2.4,
    has_sound: false,
    options: [...H264, '-g', '15', '-bf', '0', ...FRONT],
    after: (mp4) => withEdit(mp4, { durationMs: 1_500 }),
    says: [/cut off at its end/],
  },
  {
    name: 'two seconds of nothing at the beginning',
    options: [...CONFORMING, '-output_ts_offset', '2'],
    says: [/2\.0 seconds of nothing/],
  },
];

const SOUNDS: Omit<Case, 'verdict'>[] = [
  { name: 'AC-3', options: [...H264, '-c:a', 'ac3', ...FRONT], says: [/AC-3/] },
  {
    name: 'DTS, as films on disks have it',
    extension: 'mkv',
    options: [...H264, '-c:a', 'dca', '-strict', '-2'],
    says: [/DTS/, PACKED],
  },
  {
    name: 'E-AC-3 in Matroska',
    extension: 'mkv',
    options: [...H264, '-c:a', 'eac3'],
    says: [/E-AC-3/, PACKED],
  },
  { name: 'MP3', options: [...H264, '-c:a', 'libmp3lame', ...FRONT], says: [/MP3/] },
  { name: 'Opus in MP4', options: [...H264, ...OPUS, ...FRONT], says: [/Opus/] },
  { name: 'Vorbis beside H.264', extension: 'mkv', options: [...H264, '-c:a', 'libvorbis'] },
  {
    name: 'PCM',
    extension: 'mov',
    options: [...H264, '-c:a', 'pcm_s16le', ...FRONT],
    says: [/PCM/],
  },
  { name: 'ALAC', extension: 'mov', options: [...H264, '-c:a', 'alac', ...FRONT], says: [/ALAC/] },
  { name: 'FLAC', extension: 'mkv', options: [...H264, '-c:a', 'flac'], says: [/FLAC/, PACKED] },
  { name: 'surround sound', options: [...CONFORMING, '-ac', '6'], says: [/stereo.*6 channels/] },
  { name: 'sound at 96 kHz', options: [...CONFORMING, '-ar', '96000'] },
  {
    name: 'surround sound in WebM',
    extension: 'webm',
    options: [...VP9, ...OPUS, '-ac', '6'],
    becomes: { codec: 'vp9', audio: 'opus' },
  },
  {
    name: 'AC-3 that begins late',
    extension: 'mkv',
    options: [...H264, '-c:a', 'ac3', '-af', 'asetpts=PTS+0.3/TB'],
    beepLagsS: 0.3,
  },
];

const TO_H264 = [/so we converted the picture to H\.264/];
const ENCODED: Omit<Case, 'verdict'>[] = [
  {
    name: 'MPEG-4 part 2 with MP3 in AVI',
    extension: 'avi',
    options: ['-c:v', 'mpeg4', '-c:a', 'libmp3lame'],
    says: [/does not take MPEG-4 part 2/, /MP3/],
  },
  {
    name: 'MPEG-1',
    extension: 'mpg',
    options: ['-c:v', 'mpeg1video', '-b:v', '2M', '-c:a', 'mp2'],
  },
  {
    name: 'MPEG-2',
    extension: 'mpg',
    options: ['-c:v', 'mpeg2video', '-b:v', '2M', '-c:a', 'mp2'],
  },
  {
    name: 'MPEG-2 in a transport stream',
    extension: 'ts',
    options: ['-c:v', 'mpeg2video', '-b:v', '2M'],
  },
  {
    name: 'Motion JPEG',
    extension: 'avi',
    options: ['-c:v', 'mjpeg', '-pix_fmt', 'yuvj422p'],
    says: [/Motion JPEG/, /MP3/],
  },
  {
    name: 'ProRes',
    extension: 'mov',
    options: ['-c:v', 'prores_ks', '-c:a', 'pcm_s24le'],
    says: [/ProRes/, /PCM/],
  },
  {
    name: 'DNxHR',
    extension: 'mov',
    options: ['-c:v', 'dnxhd', '-profile:v', 'dnxhr_lb', '-pix_fmt', 'yuv422p'],
  },
  {
    name: 'H.263',
    extension: '3gp',
    size: '352x288',
    rate: '30000/1001',
    has_sound: false,
    options: ['-c:v', 'h263'],
  },
  { name: 'FLV1', extension: 'flv', has_sound: false, options: ['-c:v', 'flv'] },
  {
    name: 'AV1 in MP4',
    options: [...AV1, ...AAC, ...FRONT],
    says: [/AV1/],
    becomes: { audio: 'aac' },
  },
  { name: 'AV1 in WebM', extension: 'webm', options: [...AV1, ...OPUS], says: [/AV1/, /Opus/] },
  {
    name: 'a GIF',
    extension: 'gif',
    rate: '10',
    has_sound: false,
    options: [],
    says: [/GIF/, /opacity|black/, /had 10.* 30/],
  },
  {
    name: '120 frames a second',
    rate: '120',
    says: [/at most 60.*had 120, so we converted it to 60/],
    becomes: { fps: 60 },
  },
  { name: '90 frames a second', rate: '90', says: [/to 45/], becomes: { fps: 45 } },
  { name: '61 frames a second', rate: '61', becomes: { fps: 60 } },
  {
    name: '15 frames a second',
    rate: '15',
    says: [/at least 23.*had 15.*to 30/],
    becomes: { fps: 30 },
  },
  { name: '12 frames a second', rate: '12', seconds: 1.5, becomes: { fps: 24 } },
  { name: 'one frame a second', rate: '1', seconds: 3, has_flash: false, becomes: { fps: 24 } },
  {
    name: 'a variable frame rate',
    rate: '60',
    filters: "select='if(lt(t,0.6),1,not(mod(n,3)))'",
    options: [...CONFORMING, '-fps_mode', 'vfr'],
    says: [/changed within the video, so we converted it to 4\d/],
  },
  {
    name: 'a picture that stands still for a while',
    filters: "select='lt(t,0.72)+gt(t,1.15)'",
    seconds: 3,
    options: [...CONFORMING, '-fps_mode', 'vfr'],
    says: [/changed within the video/],
  },
  {
    name: 'interlaced pictures',
    options: [...CONFORMING, '-flags', '+ildct+ilme', '-x264opts', 'tff=1'],
    filters: 'interlace',
    rate: '50',
    says: [/interlaced/],
    becomes: { fps: 25 },
  },
  {
    name: 'an odd number of pixels',
    filters: 'scale=401:701,setsar=1',
    options: [
      '-c:v',
      'libvpx-vp9',
      '-cpu-used',
      '8',
      '-deadline',
      'realtime',
      ...YUV,
      ...AAC,
      ...FRONT,
    ],
    says: [/even number/],
  },
  {
    name: 'long pixels',
    filters: 'setsar=2/1',
    says: [/not square/],
    becomes: { size: '720x360' },
  },
  {
    name: 'a small picture',
    size: '200x200',
    says: [/at least 360.*200×200.*360×360/],
    becomes: { size: '360x360' },
  },
  {
    name: 'a very narrow picture',
    size: '64x1200',
    rate: '24',
    seconds: 1,
    says: [/360×4096, with black beside it/],
    becomes: { size: '360x4096' },
  },
  {
    name: 'a large picture',
    size: '4400x480',
    rate: '24',
    seconds: 1,
    says: [/at most 4096/],
    becomes: { size: '4096x446' },
  },
  {
    name: 'a small picture that was turned',
    size: '320x240',
    after: turned,
    becomes: { size: '360x480', rotation: 0 },
  },
  {
    name: 'H.264 with 10 bits',
    options: ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p10le', ...AAC],
    says: [/stored as finely/],
  },
  {
    name: 'H.264 with full colours',
    options: ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv444p', ...AAC],
    says: [/stored as finely/],
  },
  {
    name: 'H.265 with 10 bits',
    options: [...HEVC, '-pix_fmt', 'yuv420p10le', ...AAC, ...FRONT],
    says: [/stored as finely/],
  },
  { name: 'HDR10', options: hdr('smpte2084'), says: [/HDR/] },
  { name: 'HLG', options: hdr('arib-std-b67'), says: [/HDR/] },
  { name: 'wide colours without HDR', options: hdr('bt2020-10'), says: [/more colours/] },
  {
    name: 'ProRes with transparency',
    extension: 'mov',
    has_sound: false,
    options: ['-c:v', 'prores_ks', '-profile:v', '4444', '-pix_fmt', 'yuva444p10le'],
    says: [/ProRes/, /on black/],
  },
  {
    name: 'VP9 with transparency',
    extension: 'webm',
    options: [...VP9, '-pix_fmt', 'yuva420p', ...OPUS],
    says: [/on black/],
  },
  {
    name: 'a beginning that was cut off and is still stored',
    seconds: 2.4,
    has_sound: false,
    has_flash: false,
    options: [...H264, '-bf', '0', ...FRONT],
    after: (mp4) => withEdit(mp4, { startMs: 1_000, durationMs: 1_400 }),
    says: [/cut out/],
  },
  {
    name: 'spatial video',
    options: [...HEVC, ...YUV, '-tag:v', 'hvc1', ...AAC],
    after: (mp4) =>
      withBox(
        mp4,
        ['moov', 'trak', 'mdia', 'minf', 'stbl', 'stsd', 'hvc1'],
        aBox('vexu', aBox('skip', '0000')),
      ),
    says: [/spatial/],
  },
  {
    name: 'sound that begins early',
    extension: 'mkv',
    beepLagsS: -0.3,
    options: ['-vf', 'setpts=PTS+0.3/TB', '-c:v', 'mpeg4', '-c:a', 'ac3'],
    says: [...TO_H264, /AC-3/],
  },
  {
    name: 'sound that begins late',
    extension: 'mkv',
    options: ['-c:v', 'mpeg4', '-c:a', 'ac3', '-af', 'asetpts=PTS+0.4/TB'],
    beepLagsS: 0.4,
    says: TO_H264.concat(/AC-3/),
  },
];

const withVerdict = (verdict: Verdict) => (each: Omit<Case, 'verdict'>) => ({
  has_flash: true,
  size: SMALL,
  ...each,
  verdict,
});

export const CORPUS: Case[] = [
  ...AS_IS.map(withVerdict('as is')),
  ...REMUXED.map(withVerdict('remux')),
  ...SOUNDS.map(withVerdict('audio')),
  ...ENCODED.map(withVerdict('re-encode')),
];

function hdr(transfer: string): string[] {
  const colours = `colorprim=bt2020:transfer=${transfer}:colormatrix=bt2020nc:log-level=none`;
  return [
    ...['-c:v', 'libx265', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p10le'],
    ...['-color_primaries', 'bt2020', '-color_trc', transfer, '-colorspace', 'bt2020nc'],
    ...['-x265-params', colours, ...AAC, ...FRONT],
  ];
}

/** Returns the arguments of an input that ffmpeg generates. */
function asData(text: string): string {
  return `data:text/plain;base64,${Buffer.from(text).toString('base64')}`;
}

/** Turns a video as phones do: the picture lies on its side, and the track's matrix says so. */
function turned(mp4: Buffer): Buffer {
  return withChange(mp4, ['moov', 'trak', 'tkhd'], (header) => {
    [0, 0x10000, 0, -0x10000, 0].forEach((cell, number) => {
      header.writeInt32BE(cell, 40 + number * 4);
    });
  });
}

/** Changes the edit list of the only track; the movie's timescale is 1,000. */
function withEdit(mp4: Buffer, edit: { startMs?: number; durationMs: number }): Buffer {
  const media = findBoxes(mp4, ['moov', 'trak', 'mdia', 'mdhd']).at(-1);
  const timescale = mp4.readUInt32BE((media?.body ?? 0) + 12);
  const lists = withChange(mp4, ['moov', 'trak', 'edts', 'elst'], (list) => {
    list.writeUInt32BE(edit.durationMs, 8);
    list.writeInt32BE(((edit.startMs ?? 0) / 1000) * timescale, 12);
  });
  const movie = withChange(lists, ['moov', 'mvhd'], (header) => {
    header.writeUInt32BE(edit.durationMs, 16);
  });
  return withChange(movie, ['moov', 'trak', 'tkhd'], (header) => {
    header.writeUInt32BE(edit.durationMs, 20);
  });
}
