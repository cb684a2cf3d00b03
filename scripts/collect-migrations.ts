// Writes test/migrations/history.json: every set of migrations that a commit had, with the texts that are not today's.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { hashText } from './landed-migrations.ts';

const ROOT = resolve(import.meta.dirname, '..');
const FOLDER = join(ROOT, 'migrations');

export interface History {
  sets: {
    /** The first commit that had it. */
    commit: string;
    /** Migration → hash of its text. */
    migrations: Record<string, string>;
  }[];
  /** Hash → text; the others are those of today's files. */
  texts: Record<string, string>;
}

function git(...args: string[]): string {
  return execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 100_000_000 });
}

function collect(): History {
  const texts = new Map<string, string>();
  const sets = new Map<string, History['sets'][number]>();
  for (const commit of git('rev-list', '--reverse', '--topo-order', 'HEAD').trim().split('\n')) {
    const migrations: Record<string, string> = {};
    for (const line of git('ls-tree', '-r', commit, 'migrations').trim().split('\n')) {
      const [, blob = '', name = ''] = /^\d+ blob (\w+)\tmigrations\/(.+\.ts)$/.exec(line) ?? [];
      if (!name) continue;
      if (!texts.has(blob)) texts.set(blob, git('cat-file', 'blob', blob));
      migrations[name] = hashText(texts.get(blob) as string);
    }
    const key = JSON.stringify(migrations);
    if (!sets.has(key)) sets.set(key, { commit: commit.slice(0, 7), migrations });
  }
  return { sets: [...sets.values()], texts: Object.fromEntries(listOlder([...texts.values()])) };
}

function listOlder(texts: string[]): [string, string][] {
  const today = readdirSync(FOLDER).map((name) => readFileSync(join(FOLDER, name), 'utf8'));
  return texts.filter((text) => !today.includes(text)).map((text) => [hashText(text), text]);
}

const PATH = join(ROOT, 'test/migrations/history.json');
if (import.meta.main) writeFileSync(PATH, `${JSON.stringify(collect(), null, 2)}\n`);
