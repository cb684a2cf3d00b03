// Parses bodies, queries and forms by a schema; the code behind it trusts the result.
import type { z } from 'zod';
import { invalid, Problem } from '../base/errors.ts';

/**
 * Returns the value as its schema types it. `where` is the word for it in the message.
 * @throws Problem `invalid_request` with a JSON pointer to each fault.
 */
export function parseWith<S extends z.ZodType>(
  schema: S,
  value: unknown,
  where: 'body' | 'query' | 'form',
): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) {
    assertStorable(value, []);
    return result.data;
  }
  const errors = result.error.issues.flatMap((issue) => {
    const path = issue.path.map(String);
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({
        pointer: pointer([...path, key]),
        message: 'This field is not known.',
      }));
    }
    return [{ pointer: pointer(path), message: issue.message }];
  });
  const first = errors[0];
  throw new Problem(
    'invalid_request',
    `The ${where} has ${errors.length === 1 ? 'a fault' : `${errors.length} faults`}: ${first?.pointer || '/'}: ${first?.message}`,
    { errors },
  );
}

/** PostgreSQL accepts neither NUL nor half a surrogate pair in a text, and TikTok shows neither. */
function assertStorable(value: unknown, path: string[]): void {
  if (typeof value === 'string') {
    if (value.includes('\0') || !value.isWellFormed())
      throw invalid(pointer(path), 'Expected text without NUL and without half a character.');
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, inner] of Object.entries(value)) assertStorable(inner, [...path, name]);
  }
}

function pointer(path: string[]): string {
  return path.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
