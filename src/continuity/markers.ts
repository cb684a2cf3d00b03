// The markers in the storage that say how far the database had come when they were written.
import { z } from 'zod';
import type { Storage } from '../storage/storage.ts';
import type { Server } from './server.ts';

const FOLDER = 'database';
const NAME = /^\d{1,15}$/;

export interface Marker extends Server {
  number: number;
}

const schema = z.looseObject({
  identity: z.string().nullable().catch(null),
  timeline: z.int().nullable().catch(null),
  position: z
    .string()
    .regex(/^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/)
    .nullable()
    .catch(null),
});

/**
 * Returns the marker with the highest number, and the numbers of the others; null before the first.
 * Several processes write markers, so the one that was written last need not be the highest.
 */
export async function findMarkers(
  storage: Storage,
): Promise<{ newest: Marker; others: number[] } | null> {
  const markers: Marker[] = [];
  for await (const { name, text } of storage.markers(FOLDER)) {
    // The name is the number, so a damaged text still says how far the database had come.
    if (NAME.test(name)) markers.push({ number: Number(name), ...schema.parse(parse(text)) });
  }
  markers.sort((a, b) => b.number - a.number);
  const [newest, ...others] = markers;
  return newest ? { newest, others: others.map(({ number }) => number) } : null;
}

function parse(text: string): unknown {
  try {
    const value = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

export async function putMarker(storage: Storage, { number, ...server }: Marker): Promise<void> {
  await storage.putMarker(FOLDER, String(number), JSON.stringify(server));
}

/** Removes markers that a higher one has replaced. */
export async function removeMarkers(storage: Storage, numbers: number[]): Promise<void> {
  for (const number of numbers) await storage.removeMarker(FOLDER, String(number));
}

/** Removes all, so that the next start takes the database as it is. */
export async function removeAllMarkers(storage: Storage): Promise<void> {
  const found = await findMarkers(storage);
  if (found) await removeMarkers(storage, [...found.others, found.newest.number]);
}
