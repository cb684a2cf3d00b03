// Which notes inside a file may stay, and which say more of the person than anybody means to publish.

/** Told apart for the sentence; all of them are removed. */
export type MetadataKind = 'place' | 'device' | 'words';

/** What encoders and muxers say about the streams themselves. */
const HARMLESS =
  /^(major_brand|minor_version|compatible_brands|creation_time|encoder|language|handler_name|vendor_id|duration|rotate|timecode|alpha_mode|source_id|bps|number_of_(frames|bytes)|_statistics_.*|creationdate|©too|©enc|covr)$/;
const PLACE = /location|gps|xyz|loci/i;
const DEVICE =
  /make|model|android|apple|quicktime|samsung|software|camera|device|firmware|lens|serial|^(©mak|©mod|©swr|smta|smrd|SDLN|manu|modl|CAME|FIRM|LENS|MUID|uuid|SEFT|sefd)$/;

/** By the names of tags, of boxes that no player needs, and of streams that are neither picture nor sound. */
export function findMetadata(tags: string[], boxes: string[], codecs: string[]): MetadataKind[] {
  const named = tags
    .map((tag) => tag.toLowerCase().replace(/-[a-z]{3}$/, ''))
    .filter((tag) => !HARMLESS.test(tag));
  // A GoPro keeps its track of places in a stream of this kind.
  const streams = codecs.filter((codec) => /gpmd|camm/.test(codec)).map(() => 'gps');
  const kinds = [...named, ...boxes, ...streams].map(classifyMetadata);
  return (['place', 'device', 'words'] as const).filter((kind) => kinds.includes(kind));
}

function classifyMetadata(name: string): MetadataKind {
  if (PLACE.test(name)) return 'place';
  return DEVICE.test(name) ? 'device' : 'words';
}

const IN_WORDS: Record<MetadataKind, string> = {
  place: 'where it was filmed',
  device: 'with what device or program',
  words: 'other notes of its maker',
};

/** `The file says where it was filmed and with what device or program`. */
export function describeMetadata(kinds: MetadataKind[]): string {
  const words = kinds.map((kind) => IN_WORDS[kind]);
  if (kinds.length === 1 && kinds[0] === 'device')
    return 'The file says with what device or program it was made';
  if (kinds.length === 1 && kinds[0] === 'words') return 'The file holds notes of its maker';
  const last = words.pop();
  return `The file says ${words.length > 0 ? `${words.join(', ')} and ${last}` : last}`;
}
