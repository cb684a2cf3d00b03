// A media source: what a request may say of where the media come from, and how they are fetched.
import type { Knex } from 'knex';
import { z } from 'zod';
import type { Context, Manifest } from '../context/context.ts';
import type { Creator } from '../creators/store.ts';
import type { SourceContext, SourceFile } from '../media/download-source.ts';

/** What a request says about one file: the source's name, and the fields that its schema asks for. */
export type SourceRequest = { source: string; [field: string]: unknown };

/** An upload of the creator's, by its storage key, and the field of the request that named it. */
export interface NamedUpload {
  storageKey: string;
  field: string;
}

/** `R`: the fields beside `source`. They are stored as JSON, and `fetch` gets them back from there. */
// biome-ignore lint/suspicious/noExplicitAny: each source types its own request
export interface Source<R = any> {
  /** The fields, described. Rules across fields belong into `accept`. */
  schema: z.ZodObject;
  /** What the creator reads of it on the post's page, e.g. the file's address. */
  describe(request: R): string;
  /** The upload that the request names; nothing is fetched for such a request. */
  findUpload?(request: R, ctx: Context): NamedUpload | null;
  /**
   * Judges the request when the post is accepted, without the network, in the transaction that
   * stores the post. Returns the request in the form in which it is stored; throws a Problem.
   */
  accept?(request: R, of: { ctx: Context; trx: Knex; creator: Creator }): Promise<R>;
  /**
   * Opens the file, each time that it is needed: at first, and for a retry when our copy is gone. The
   * core stores, measures and inspects what it returns. A Problem fails the post with its code;
   * anything else that is thrown is tried again.
   */
  fetch?(request: R, context: SourceContext): Promise<SourceFile>;
}

export interface RegisteredSource {
  source: Source;
  module: Manifest;
}

/** Name → source, of all modules: first the core's, in their order. */
export function listSources(modules: Manifest[]): Map<string, RegisteredSource> {
  return new Map(
    modules.flatMap((module) =>
      Object.entries(module.sources ?? {}).map(
        ([name, source]) => [name, { source, module }] as const,
      ),
    ),
  );
}

/** The schema of one file in a request: the fields of one of the sources, told apart by its name. */
export function createSourceSchema(modules: Manifest[]): z.ZodType<SourceRequest> {
  const choices = [...listSources(modules)].map(([name, { source }]) => {
    const { shape, description } = source.schema;
    const choice = z.strictObject({ source: z.literal(name), ...shape });
    return description === undefined ? choice : choice.describe(description);
  });
  const [first, ...others] = choices;
  if (!first) throw new Error('Expected a module that offers a media source, found none');
  return z.discriminatedUnion('source', [first, ...others]);
}

declare module '../context/context.ts' {
  interface Manifest {
    /** Name of a media source → how its files are fetched. A request says it as `source`. */
    sources?: Record<string, Source>;
  }
}
