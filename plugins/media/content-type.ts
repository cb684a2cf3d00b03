// Maps a probed container to its MIME type and file extension.
import type { Probe } from './probe.ts';

/** Returns the MIME type and the extension (with its dot) of what the file really is. */
export function chooseContentType({ container, structure }: Probe): {
  content_type: string;
  extension: string;
} {
  if (structure.kind === 'mp4') {
    if (structure.brand.startsWith('3g')) return { content_type: 'video/3gpp', extension: '.3gp' };
    // The oldest QuickTime files have no brand.
    return structure.brand === 'qt' || structure.brand === ''
      ? { content_type: 'video/quicktime', extension: '.mov' }
      : { content_type: 'video/mp4', extension: '.mp4' };
  }
  if (structure.kind === 'webm') return { content_type: 'video/webm', extension: '.webm' };
  const [name] = container.split(',');
  // A GIF is `image/gif` whether it moves or not.
  if (name === 'gif') return { content_type: 'image/gif', extension: '.gif' };
  return { content_type: `video/x-${name}`, extension: `.${name}` };
}
