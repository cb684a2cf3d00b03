// Defines the storage port, which disk and bucket implement. We make its keys; none is user input.
import type { Readable } from 'node:stream';

export interface StoredObject {
  bytes: number;
  /** In hex. */
  sha256: string;
}

/**
 * Every method may be called again after a crash. Each throws a Problem `unavailable` or the
 * system's error when the storage cannot be reached.
 */
export interface Storage {
  /** Returns what the storage is, in words; throws a Problem that says why it cannot be used. */
  open(): Promise<string>;
  /**
   * Streams `body` into an object and returns its size and hash. The object appears complete and
   * durable, or not at all. If `onlyIf` returns false for the hash, what the key held before stays.
   *
   * @throws Problem `too_large` over `limit` bytes; `storage_full` when there is no space.
   */
  write(
    key: string,
    body: Readable,
    options?: { limit?: number; signal?: AbortSignal; onlyIf?: (sha256: string) => boolean },
  ): Promise<StoredObject>;
  /** Returns an object, or a range of its bytes with `end` inclusive; throws `not_found`. */
  read(key: string, range?: { start: number; end: number }): Promise<Readable>;
  /** Returns the object's size in bytes; throws `not_found`. */
  size(key: string): Promise<number>;
  /**
   * Returns false only if the object is known to be missing; throws if the storage cannot be
   * reached. The same holds for `size`, `read` and `list`.
   */
  has(key: string): Promise<boolean>;
  /**
   * Returns the path of a local copy or hard link of the object in `folder`. Never write to that
   * file. Throws `not_found`.
   */
  checkout(key: string, folder: string): Promise<string>;
  /** Removes the object; a missing one is no error. */
  remove(key: string): Promise<void>;
  /** Removes what writes of this object left that did not end, or have not ended yet. */
  removeUnfinished(key: string): Promise<void>;
  /** Lists all objects in the order of their keys, or those that follow `after`. */
  list(after?: string): AsyncIterable<{ key: string; bytes: number; modifiedAt: Date }>;
  /** True if no object was ever written. A disk that is not mounted also looks empty. */
  isEmpty(): Promise<boolean>;
  /** Removes what interrupted writes left, once nobody can be going on with them. */
  removeAbandoned(): Promise<{ removed: number; bytes: number }>;
  /**
   * Throws `storage_full` or `unavailable` when nothing can be written now. With `bytes`, also when
   * so many do not fit, as far as the storage knows its free space.
   */
  check(bytes?: number): Promise<void>;
  /**
   * Writes a marker, a small text beside the objects, under a folder and a name (letters, digits,
   * `-`). It is durable when this returns, and may be written again. `list` never names markers.
   */
  putMarker(folder: string, name: string, text: string): Promise<void>;
  /** Lists all markers of a folder, or throws; it never returns only some of them. */
  markers(folder: string): AsyncIterable<{ name: string; text: string }>;
  removeMarker(folder: string, name: string): Promise<void>;
}
