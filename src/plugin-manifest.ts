// The shape of a plugin's manifest, judged where it comes in: a sentence for each fault.
import { parseCronItems } from 'graphile-worker';
import cron from 'node-cron';
import { z } from 'zod';
import type { Manifest } from './context/context.ts';
import { EVENT_PATTERN } from './events/event.ts';

const isFunction = z.custom<() => void>((value) => typeof value === 'function', {
  error: 'Expected a function',
});
const isSchema = z.custom<z.ZodType>(
  (value) => typeof (value as z.ZodType | null)?.safeParse === 'function',
  { error: 'Expected a zod schema' },
);
const text = z.string().min(1, { error: 'Expected a sentence' });

/** Every name here is a field of the manifest, and the other way round: the compiler compares them. */
export const manifestSchema = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]*$/, {
    error: 'Expected small letters, digits and hyphens, beginning with a letter',
  }),
  settings: z
    .record(
      z.string().regex(/^[A-Z][A-Z0-9_]*$/, { error: 'Expected a name such as HELLO_NAME' }),
      isSchema.refine((schema) => !!schema.description, {
        error: 'Expected a description (`.describe(…)`), which the documentation shows',
      }),
    )
    .optional(),
  personalData: z.union(
    [
      z.strictObject({ nothing: text }),
      z.strictObject({
        tables: z.record(
          z.string(),
          z.looseObject({
            ...{ called: text, purpose: text, legalBasis: text, recipients: text, kept: text },
            ...{ about: text, owner: z.looseObject({}), columns: z.record(z.string(), text) },
          }),
        ),
        erase: isFunction.optional(),
      }),
    ],
    { error: 'Expected `tables` with every column, or `nothing` with the reason' },
  ),
  chores: z
    .record(
      z.string(),
      z.strictObject({
        cron: z
          .string()
          .refine(isCronLine, { error: 'Expected five fields, e.g. `*/5 * * * *`' })
          .optional(),
        run: isFunction,
      }),
    )
    .optional(),
  ticks: z
    .record(
      z.string(),
      z.strictObject({
        cron: z.custom<string | (() => string)>(isTickCron, {
          error: 'Expected six fields, seconds first, e.g. `*/10 * * * * *`',
        }),
        run: isFunction,
      }),
    )
    .optional(),
  beforeStart: isFunction.optional(),
  routes: isFunction.optional(),
  api: z
    .array(
      z.looseObject({
        method: z.enum(['get', 'head', 'post', 'patch', 'delete']),
        path: z.string().startsWith('/', { error: 'Expected a path that begins with a slash' }),
        summary: text,
        answers: z.looseObject({}),
        handle: isFunction,
      }),
    )
    .optional(),
  inspect: isFunction.optional(),
  steps: z.record(z.string(), z.looseObject({ run: isFunction })).optional(),
  sources: z
    .record(
      z.string().regex(/^[a-z][a-z0-9_]*$/, { error: 'Expected a name such as `my_storage`' }),
      z
        .strictObject({
          schema: isSchema.refine(isPlainObject, {
            error: 'Expected an object of fields; rules across fields belong into `accept`',
          }),
          describe: isFunction,
          findUpload: isFunction.optional(),
          accept: isFunction.optional(),
          fetch: isFunction.optional(),
        })
        .refine((source) => source.fetch || source.findUpload, {
          error: 'Expected `fetch`, or `findUpload` of a source whose files are all uploads',
        }),
    )
    .optional(),
  events: z
    .record(
      z.string(),
      z.strictObject({
        on: z
          .array(
            z.string().regex(EVENT_PATTERN, {
              error: 'Expected events such as `job.finished` or `job.*`',
            }),
          )
          .min(1, { error: 'Expected at least one event' }),
        run: isFunction,
        tries: z.int().positive().optional(),
      }),
    )
    .optional(),
  metrics: z.array(z.looseObject({ name: text, help: text, collect: isFunction })).optional(),
  readiness: z.record(z.string(), isFunction).optional(),
  labels: z
    .strictObject({
      events: z.record(z.string(), isFunction).optional(),
      states: z.record(z.string(), z.string()).optional(),
      functions: z.record(z.string(), isFunction).optional(),
    })
    .optional(),
  needsFiles: isFunction.optional(),
  afterLapse: isFunction.optional(),
  afterRecovery: isFunction.optional(),
  beforeErase: isFunction.optional(),
  afterErase: isFunction.optional(),
  notices: isFunction.optional(),
} satisfies Record<keyof Manifest, z.ZodType>);

/** What is wrong with what a plugin exports by default: one sentence each, without its full stop. */
export function findManifestFaults(exported: unknown, folder: string): string[] {
  if (exported === undefined) return ['Expected a manifest as the default export, found none'];
  const result = manifestSchema.safeParse(exported, { error: toSentence });
  if (!result.success) {
    return result.error.issues.map(({ path, message }) =>
      path.length === 0 ? message : `${path.map(String).join('.')}: ${message}`,
    );
  }
  if (result.data.name === folder) return [];
  return [`name: Expected the name of its folder, ${folder}, got ${result.data.name}`];
}

/** For what the schema has no sentence of its own. */
function toSentence(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'unrecognized_keys') {
    return `Expected no field ${issue.keys.join(', ')}: a manifest has none of that name`;
  }
  if (issue.code === 'invalid_key') return issue.issues[0]?.message;
  if (issue.code === 'invalid_type') {
    return `Expected ${issue.expected}, got ${issue.input === null ? 'null' : typeof issue.input}`;
  }
  return undefined;
}

/** As the worker reads it at its start. */
function isCronLine(match: string): boolean {
  try {
    parseCronItems([{ task: 'chore', match, options: { backfillPeriod: 0 } }]);
    return true;
  } catch {
    return false;
  }
}

/** As node-cron reads it; what a function returns is read at the start. */
function isTickCron(value: unknown): boolean {
  return typeof value === 'function' || (typeof value === 'string' && cron.validate(value));
}

function isPlainObject(schema: z.ZodType): boolean {
  return schema instanceof z.ZodObject && (schema.def.checks ?? []).length === 0;
}
