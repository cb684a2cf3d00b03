// Words about stored files for templates.
import type { Media } from './store.ts';

/** Returns true for files that a browser shows as a picture, including animated ones. */
export function isPicture({ content_type }: Media): boolean {
  return content_type.startsWith('image/');
}

/** Returns the word for the kind of file. */
export function mediaKind({ facts }: Media): string {
  return facts.kind === 'photo' ? 'Photo' : 'Video';
}

/** The functions that templates find under `words`. */
export const mediaFunctions = { isPicture, mediaKind };
