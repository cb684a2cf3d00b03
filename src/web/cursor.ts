// The cursor of a page: where the previous page of a list, newest first, ended.
import { z } from 'zod';
import { invalid } from '../base/errors.ts';

/**
 * Creation time and id of the last row of a page. The time is PostgreSQL's text
 * (`created_at::text`), since a Date would lose the microseconds and the next page would skip rows.
 */
export interface Cursor {
  listedAt: string;
  id: string;
}

const cursorSchema = z.tuple([
  z.string().regex(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?[+-]\d\d(:\d\d)?$/),
  z.string(),
]);

/**
 * Reads the text of `next_cursor`. `idPattern` is the form of the list's ids.
 * @throws Problem `invalid_request` that points to `/cursor`.
 */
export function parseCursor(cursor: string, idPattern: RegExp): Cursor {
  try {
    const text = Buffer.from(cursor, 'base64url').toString();
    const [listedAt, id] = cursorSchema.parse(JSON.parse(text));
    const isTime = !Number.isNaN(Date.parse(listedAt));
    if (isTime && idPattern.test(id)) return { listedAt, id };
  } catch {
    // Neither JSON nor a time and an id: refused below.
  }
  throw invalid('/cursor', 'Expected a cursor as answered in next_cursor.');
}

/**
 * Cuts one row too many off the rows that were read, and returns the page and its `next_cursor`,
 * which is null on the last page.
 */
export function cutPage<Row extends { listed_at: string }>(
  rows: Row[],
  limit: number,
  findId: (row: Row) => string,
): { page: Row[]; nextCursor: string | null } {
  const page = rows.slice(0, limit);
  const last = rows.length > limit ? page.at(-1) : undefined;
  const nextCursor = last ? formatCursor({ listedAt: last.listed_at, id: findId(last) }) : null;
  return { page, nextCursor };
}

function formatCursor({ listedAt, id }: Cursor): string {
  return Buffer.from(JSON.stringify([listedAt, id])).toString('base64url');
}
