// Finds metadata in a file that says more about its maker than anybody means to publish.

/** All kinds are removed; the sentence for the creator names them separately. */
export type MetadataKind = 'place' | 'device' | 'words';

/** Tags in which encoders and muxers describe the streams themselves. */
const HARMLESS =
  /^(major_brand|minor_version|compatible_brands|creation_time|encoder|language|handler_name|vendor_id|duration|rotate|timecode|alpha_mode|source_id|bps|number_of_(frames|bytes)|_statistics_.*|creationdate|©too|©enc|covr)$/;
const PLACE = /location|gps|xyz|loci/i;
const DEVICE =
  /make|model|android|apple|quicktime|samsung|software|camera|device|firmware|lens|serial|^(©mak|©mod|©swr|smta|smrd|SDLN|manu|modl|CAME|FIRM|LENS|MUID|uuid|SEFT|sefd)$/;

/**
 * Returns the kinds of personal metadata in a file, without repeats.
 *
 * @param tags names of tags
 * @param boxes types of boxes that no player needs
 * @param codecs codecs of the streams that are neither picture nor sound
 */
export function findMetadata(tags: string[], boxes: string[], codecs: string[]): MetadataKind[] {
  const named = tags
    .map((tag) => tag.toLowerCase().replace(/-[a-z]{3}$/, ''))
    .filter((tag) => !HARMLESS.test(tag));
  // A GoPro stores where it was in a stream of this kind.
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
  device: 'which device or program made it',
  words: 'other notes of its maker',
};

/** Returns e.g. `The file says where it was filmed and which device or program made it`. */
export function describeMetadata(kinds: MetadataKind[]): string {
  const words = kinds.map((kind) => IN_WORDS[kind]);
  if (kinds.length === 1 && kinds[0] === 'device')
    return 'The file says which device or program made it';
  if (kinds.length === 1 && kinds[0] === 'words') return 'The file holds notes of its maker';
  const last = words.pop();
  return `The file says ${words.length > 0 ? `${words.join(', ')} and ${last}` : last}`;
}
