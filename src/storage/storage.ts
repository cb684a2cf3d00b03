// The storage port: what a disk or a bucket must do. Keys are random, made by us, and never a path from outside.
import type { Readable } from 'node:stream';

export interface StoredObject {
  bytes: number;
  sha256: string;
}

/** Every method may be called again after a crash; a missing object is not an error for `remove`. */
export interface Storage {
  /** What it is, in words, once it is known to be of use; else a Problem that says why not. */
  open(): Promise<string>;
  /**
   * Streams into a new object, hashing on the way; it appears whole and durable, or not at all.
   * Over `limit` bytes it throws `too_large`; no room throws `storage_full`. Unless `onlyIf`
   * says yes to its hash, what the key held before stays as it was.
   */
  write(
    key: string,
    body: Readable,
    options?: { limit?: number; signal?: AbortSignal; onlyIf?: (sha256: string) => boolean },
  ): Promise<StoredObject>;
  /** A byte range of an object, `end` inclusive; throws `not_found`. */
  read(key: string, range?: { start: number; end: number }): Promise<Readable>;
  size(key: string): Promise<number>;
  /** False when it is known to be absent; throws when nobody can tell. So do all that look. */
  has(key: string): Promise<boolean>;
  /** A local copy (or link) of the object in `folder`; answers its path. Never write to it. */
  checkout(key: string, folder: string): Promise<string>;
  remove(key: string): Promise<void>;
  /** All objects in the order of their keys, or those that follow `after`. */
  list(after?: string): AsyncIterable<{ key: string; bytes: number; modifiedAt: Date }>;
  /** Nothing was ever kept here; so, too, does a disk look that is not mounted. */
  isEmpty(): Promise<boolean>;
  /** What writes left behind that were cut off, once nobody can be going on with them. */
  removeAbandoned(): Promise<{ removed: number; bytes: number }>;
  /**
   * Throws `storage_full` or `unavailable` when nothing could be written now, or not so much as far as
   * that is known.
   */
  check(bytes?: number): Promise<void>;
  /**
   * Small durable notes beside the objects, by folder and name (letters, digits, `-`): durable when
   * it returns, and written again under the same name without harm. `list` never names them.
   */
  putMarker(folder: string, name: string, text: string): Promise<void>;
  /** All of them, or it throws. */
  markers(folder: string): AsyncIterable<{ name: string; text: string }>;
  removeMarker(folder: string, name: string): Promise<void>;
}
