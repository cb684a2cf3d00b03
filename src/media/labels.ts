// Words for stored files.
import type { Media } from './store.ts';

/** An upload that a browser shows as a picture, be it one that moves. */
export function isPicture({ content_type }: Media): boolean {
  return content_type.startsWith('image/');
}

export function mediaKind({ facts }: Media): string {
  return facts.kind === 'photo' ? 'Photo' : 'Video';
}

/** What templates find under `words`. */
export const mediaFunctions = { isPicture, mediaKind };
