// Names the paths of objects; disk and bucket share them, so that a plain copy moves a storage.
import { Problem } from '../base/errors.ts';

const KEY = /^[A-Za-z0-9]{20,64}(\.[a-z0-9]{1,5})?$/;

/** Whether the text has the form of a storage key, e.g. `V1StGXR8Z5jdHi6BmyTq.mp4`. */
export function isKey(text: string): boolean {
  return KEY.test(text);
}

/**
 * Returns the path of an object, e.g. `V1/V1StGXR8Z5jdHi6BmyTq.mp4`. Folders of two letters keep
 * each directory small when there are a million files.
 *
 * @throws Problem `not_found` for a text that is no key.
 */
export function toPlace(key: string): string {
  if (!isKey(key)) throw new Problem('not_found', 'There is no such file.');
  return `${key.slice(0, 2)}/${key}`;
}

/** Returns the key of the object at this path; undefined for a path that is not an object's. */
export function keyAt(place: string): string | undefined {
  const key = place.slice(3);
  return isKey(key) && toPlace(key) === place ? key : undefined;
}

/**
 * Returns the path of a marker. Its folder has three letters or more, so it is no folder of
 * objects.
 */
export function markerPlace(folder: string, name: string): string {
  if (!/^[a-z]{3,20}$/.test(folder) || !/^[\w-]{1,64}$/.test(name)) {
    throw new Error('Expected a marker under a plain folder and name');
  }
  return `${folder}/${name}.json`;
}
