// Asks every module a question that its manifest may answer.
import type { Knex } from 'knex';
import type { Context, FileUse, Manifest, Notice } from './context.ts';

/** Returns those of these stored files that some module still uses, with the job that uses each. */
export async function findFileUses(
  modules: Manifest[],
  trx: Knex,
  storageKeys: string[],
): Promise<FileUse[]> {
  const uses: FileUse[] = [];
  for (const module of modules) uses.push(...((await module.needsFiles?.(trx, storageKeys)) ?? []));
  return uses;
}

/** Returns the messages of all modules for this creator's dashboard. */
export async function listNotices(ctx: Context, creatorId: string): Promise<Notice[]> {
  const lists = ctx.modules.map((module) => module.notices?.(ctx, creatorId) ?? []);
  return (await Promise.all(lists)).flat();
}

/** What a module hands in under a name. */
export interface Named<T> {
  value: T;
  module: Manifest;
}

/** Returns `module.name` → what each module hands in under that name. */
export function listByName<T>(
  modules: Manifest[],
  pick: (module: Manifest) => Record<string, T> | undefined,
): Map<string, Named<T>> {
  return new Map(
    modules.flatMap((module) =>
      Object.entries(pick(module) ?? {}).map(
        ([name, value]) => [`${module.name}.${name}`, { value, module }] as const,
      ),
    ),
  );
}
