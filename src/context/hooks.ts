// Asks every module a question that its manifest may answer.
import type { Knex } from 'knex';
import type { Context, FileUse, Manifest, Notice } from './context.ts';

/** Of these stored files, those that some module still uses. */
export async function findFileUses(
  modules: Manifest[],
  trx: Knex,
  storageKeys: string[],
): Promise<FileUse[]> {
  const uses: FileUse[] = [];
  for (const module of modules) uses.push(...((await module.needsFiles?.(trx, storageKeys)) ?? []));
  return uses;
}

/** What this creator must see on the dashboard, of all modules. */
export async function listNotices(ctx: Context, creatorId: string): Promise<Notice[]> {
  const lists = ctx.modules.map((module) => module.notices?.(ctx, creatorId) ?? []);
  return (await Promise.all(lists)).flat();
}
