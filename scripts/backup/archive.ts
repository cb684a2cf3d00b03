// Writes and reads a backup's file: a tar stream in the age format, at constant memory.
import { createWriteStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ReadableStream } from 'node:stream/web';
import { Decrypter, Encrypter } from 'age-encryption';
import tar from 'tar-stream';
import { ScriptFault } from '../fault.ts';

// TypeScript has two types for this one class: Node's and the web's.
type WebStream = Parameters<Encrypter['encrypt']>[0] & globalThis.ReadableStream<Uint8Array>;

/** Adds one file. A stream needs `bytes`, since tar writes the size first. */
export type Add = (name: string, body: Buffer | Readable, bytes?: number) => Promise<void>;

export interface Entry {
  name: string;
  body: Readable;
}

/**
 * Writes what `fill` adds into a new file, encrypted, that only its owner can read. The file is
 * synced to the disk when this returns.
 */
export async function writeArchive(
  path: string,
  recipient: string,
  fill: (add: Add) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient);
  const pack = tar.pack();
  const faults: unknown[] = [];
  // A side that fails must end the other, which would otherwise wait forever.
  const fail = (error: unknown) => {
    faults.push(error);
    pack.destroy();
  };
  const encrypted = await encrypter.encrypt(ReadableStream.from(pack) as WebStream);
  const sink = createWriteStream(path, { flags: 'wx', mode: 0o600, flush: true });
  await Promise.all([
    fill(createAdder(pack)).then(() => pack.finalize(), fail),
    pipeline(Readable.fromWeb(encrypted as ReadableStream), sink, { signal }).catch(fail),
  ]);
  if (faults.length > 0) throw faults[0];
}

function createAdder(pack: tar.Pack): Add {
  return async (name, body, bytes) => {
    const size = bytes ?? (body as Buffer).length;
    const entry = pack.entry({ name, size, mode: 0o600 });
    await pipeline(Buffer.isBuffer(body) ? Readable.from([body]) : body, entry);
  };
}

/**
 * Yields the entries of an archive in their order. Read or skip each body before the next entry.
 *
 * @throws ScriptFault unless every byte is as it was written and the end is there, which the age
 *   format proves.
 */
export async function* readArchive(
  file: FileHandle,
  identities: string[],
  signal: AbortSignal,
): AsyncGenerator<Entry> {
  const extract = tar.extract();
  const faults: unknown[] = [];
  const decrypted = await decrypt(file, identities);
  const read = pipeline(Readable.fromWeb(decrypted), extract, { signal }).catch((error) => {
    faults.push(error);
    extract.destroy();
  });
  try {
    for await (const entry of extract) {
      yield { name: entry.header.name, body: Readable.from(readBody(entry, signal)) };
      entry.resume();
    }
  } catch (error) {
    faults.push(error);
  } finally {
    extract.destroy();
    await read;
  }
  if (faults.length > 0) throw signal.aborted ? signal.reason : damaged(faults[0]);
}

async function* readBody(entry: AsyncIterable<unknown>, signal: AbortSignal) {
  try {
    yield* entry;
  } catch (error) {
    throw signal.aborted ? signal.reason : damaged(error);
  }
}

async function decrypt(file: FileHandle, identities: string[]): Promise<ReadableStream> {
  const decrypter = new Decrypter();
  for (const identity of identities) decrypter.addIdentity(identity);
  const bytes = file.createReadStream({ start: 0, autoClose: false, highWaterMark: 1 << 18 });
  try {
    return (await decrypter.decrypt(ReadableStream.from(bytes) as WebStream)) as ReadableStream;
  } catch (error) {
    bytes.destroy();
    if (/no identity matched/i.test((error as Error).message)) {
      throw new ScriptFault(
        'This backup was made with another APP_SECRET. Give the one it was made with. Nothing was changed.',
      );
    }
    throw damaged(error);
  }
}

function damaged(cause: unknown): ScriptFault {
  const fault = new ScriptFault(
    'This file is not a complete backup: it is damaged, or its end is missing. Nothing was changed.',
  );
  fault.cause = cause;
  return fault;
}
