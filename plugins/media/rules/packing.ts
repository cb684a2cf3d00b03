// The rules about sound and container: what copying the picture into a new file can repair.
import { describeMetadata, findMetadata } from '../metadata.ts';
import { codecName } from '../readable.ts';
import { isSoundFine } from '../target.ts';
import type { Rule } from './rule.ts';

export const SOUND: Rule[] = [
  {
    name: 'sound',
    repair: 'audio',
    fault(probe) {
      const { audio } = probe;
      if (!audio || isSoundFine(probe)) return null;
      if (audio.channels > 2)
        return `TikTok plays stereo sound; yours had ${audio.channels} channels (${codecName(audio.codec)})`;
      const profile = audio.codec === 'aac' && audio.profile ? ` (${audio.profile})` : '';
      return `TikTok’s players need ordinary AAC sound; yours was ${codecName(audio.codec)}${profile}`;
    },
    remedy: ({ sound }) => `so we converted it to ${sound}`,
  },
];

export const PACKING: Rule[] = [
  {
    name: 'container',
    repair: 'remux',
    fault: ({ structure, container }) =>
      structure.kind === 'webm' || (structure.kind === 'mp4' && !structure.brand.startsWith('3g'))
        ? null
        : `TikTok takes MP4, MOV and WebM files; yours was ${containerName(container, structure.brand)}`,
    remedy: ({ container }) =>
      `so we packed it as ${container === 'webm' ? 'WebM' : 'MP4'} without changing the picture`,
    isMinor: true,
  },
  {
    name: 'index',
    repair: 'remux',
    fault: ({ structure }) =>
      structure.isIndexLast
        ? 'The index of the file stood at its end, where players find it late'
        : null,
    remedy: () => 'so we moved it to the front',
    isMinor: true,
  },
  {
    name: 'fragments',
    repair: 'remux',
    fault: ({ structure }) =>
      structure.isFragmented ? 'The file was written in fragments, as for streaming' : null,
    remedy: () => 'so we joined them',
    isMinor: true,
  },
  {
    name: 'length',
    repair: 'remux',
    fault: ({ hasDuration }) => (hasDuration ? null : 'The file did not say how long it is'),
    remedy: () => 'so we wrote its length into it',
    isMinor: true,
  },
  {
    name: 'beginning',
    repair: 'remux',
    fault: ({ blankMs, structure }) =>
      structure.kind === 'mp4' && blankMs > 500
        ? `The file began with ${(blankMs / 1000).toFixed(1)} seconds of nothing`
        : null,
    remedy: () => 'so we removed them',
    isMinor: true,
  },
  {
    name: 'edits',
    repair: 'remux',
    fault: ({ structure }) =>
      structure.hides === 'end' ? 'The file still held the part that you cut off at its end' : null,
    remedy: () => 'so we removed it',
  },
  {
    name: 'sound_tracks',
    repair: 'remux',
    fault: ({ audioTracks }) =>
      audioTracks > 1 ? `TikTok plays one sound track; yours had ${audioTracks}` : null,
    remedy: () => 'so we kept the main one',
  },
  {
    name: 'privacy',
    repair: 'remux',
    fault({ tags, structure, otherCodecs }) {
      const kinds = findMetadata([...tags, ...structure.metadata], structure.extras, otherCodecs);
      return kinds.length > 0 ? describeMetadata(kinds) : null;
    },
    remedy: () => 'which nobody means to publish, so we removed that',
  },
  {
    name: 'streams',
    repair: 'remux',
    fault: ({ otherStreams, otherCodecs }) =>
      // The rule `privacy` reports a GPS track.
      otherStreams > 0 && !otherCodecs.some((codec) => /gpmd|camm/.test(codec))
        ? 'The file held data that is neither picture nor sound, which TikTok does not take'
        : null,
    remedy: () => 'so we removed it',
  },
];

function containerName(container: string, brand: string): string {
  if (brand.startsWith('3g')) return '3GP';
  if (container.includes('matroska')) return 'Matroska';
  if (container === 'mpegts') return 'a transport stream';
  return (container.split(',')[0] ?? container).toUpperCase();
}
