// What TikTok's players ask of the sound, and what is mended by packing the same picture anew.
import { describeNotes, notesIn } from '../metadata.ts';
import { codecName } from '../readable.ts';
import { isSoundFine } from '../target.ts';
import type { Rule } from './rule.ts';

export const SOUND: Rule[] = [
  {
    name: 'sound',
    mend: 'audio',
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
    mend: 'remux',
    fault: ({ structure, container }) =>
      structure.kind === 'webm' || (structure.kind === 'mp4' && !structure.brand.startsWith('3g'))
        ? null
        : `TikTok takes MP4, MOV and WebM files; yours was ${containerName(container, structure.brand)}`,
    remedy: ({ container }) =>
      `so we packed it as ${container === 'webm' ? 'WebM' : 'MP4'} without touching the picture`,
    is_minor: true,
  },
  {
    name: 'index',
    mend: 'remux',
    fault: ({ structure }) =>
      structure.is_index_last
        ? 'The index of the file stood at its end, where it is found late'
        : null,
    remedy: () => 'so we moved it to the front',
    is_minor: true,
  },
  {
    name: 'fragments',
    mend: 'remux',
    fault: ({ structure }) =>
      structure.is_fragmented ? 'The file was written in fragments, as for streaming' : null,
    remedy: () => 'so we joined them',
    is_minor: true,
  },
  {
    name: 'length',
    mend: 'remux',
    fault: ({ has_duration }) => (has_duration ? null : 'The file did not say how long it is'),
    remedy: () => 'so we packed it anew',
    is_minor: true,
  },
  {
    name: 'beginning',
    mend: 'remux',
    fault: ({ blank_ms, structure }) =>
      structure.kind === 'mp4' && blank_ms > 500
        ? `The file began with ${(blank_ms / 1000).toFixed(1)} seconds of nothing`
        : null,
    remedy: () => 'so we packed it anew without them',
    is_minor: true,
  },
  {
    name: 'edits',
    mend: 'remux',
    fault: ({ structure }) =>
      structure.hides === 'end' ? 'The file still held what had been cut off at its end' : null,
    remedy: () => 'so we removed it',
  },
  {
    name: 'sound_tracks',
    mend: 'remux',
    fault: ({ audio_tracks }) =>
      audio_tracks > 1 ? `TikTok plays one sound track; yours had ${audio_tracks}` : null,
    remedy: () => 'so we kept the main one',
  },
  {
    name: 'privacy',
    mend: 'remux',
    fault({ tags, structure, other_codecs }) {
      const notes = notesIn([...tags, ...structure.notes], structure.extras, other_codecs);
      return notes.length > 0 ? describeNotes(notes) : null;
    },
    remedy: () => 'which nobody means to publish, so we removed that',
  },
  {
    name: 'streams',
    mend: 'remux',
    fault: ({ other_streams, other_codecs }) =>
      // A track of places was told of already.
      other_streams > 0 && !other_codecs.some((codec) => /gpmd|camm/.test(codec))
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
