// Where things lie in a storage, the same on a disk and in a bucket, so that a plain copy moves one into the other.
import { Problem } from '../base/errors.ts';

const KEY = /^[A-Za-z0-9]{20,64}(\.[a-z0-9]{1,5})?$/;

export function isKey(text: string): boolean {
  return KEY.test(text);
}

/** Two letters of folders keep a directory small with a million files. Throws `not_found`. */
export function toPlace(key: string): string {
  if (!isKey(key)) throw new Problem('not_found', 'There is no such file.');
  return `${key.slice(0, 2)}/${key}`;
}

/** The key of the object at a place; undefined where no object of ours lies. */
export function keyAt(place: string): string | undefined {
  const key = place.slice(3);
  return isKey(key) && toPlace(key) === place ? key : undefined;
}

/** Longer than two letters, so that no folder of objects is meant. */
export function markerPlace(folder: string, name: string): string {
  if (!/^[a-z]{3,20}$/.test(folder) || !/^[\w-]{1,64}$/.test(name)) {
    throw new Error('Expected a note under a plain folder and name');
  }
  return `${folder}/${name}.json`;
}
