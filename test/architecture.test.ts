import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect } from 'chai';

const ROOT = resolve(import.meta.dirname, '..');
const files = ['src', 'plugins', 'scripts'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((name) => name.endsWith('.ts')),
);
const source = (file: string) => readFileSync(join(ROOT, file), 'utf8');

/** What a file imports: project files by path, packages by name; type-only imports count too. */
function importsOf(file: string): string[] {
  const found = source(file).matchAll(
    /^\s*(?:import|export)\b[^;]*?from '([^']+)';|^import '([^']+)';/gms,
  );
  return [...found].map(([, a, b]) => {
    const name = (a ?? b) as string;
    return name.startsWith('.') ? relative(ROOT, resolve(ROOT, dirname(file), name)) : name;
  });
}

/** Runtime imports alone. */
function valueImportsOf(file: string): string[] {
  const types = /^\s*(?:import|export) type\b[^;]*;/gms;
  const text = source(file).replaceAll(types, '');
  return [...text.matchAll(/from '([^']+)'/g)].map(([, name = '']) =>
    name.startsWith('.') ? relative(ROOT, resolve(ROOT, dirname(file), name)) : name,
  );
}

const BASE = [
  'config',
  'settings',
  'errors',
  'database',
  'queue',
  'log',
  'secrets',
  'localhost',
  'embedded-postgres',
  'app-secret',
  'context',
].map((name) => `src/${name}.ts`);
const BASE_FOLDERS = /^src\/(storage|tiktok|outside)\//;
/** Files that own tables. */
const SQL =
  /\/(store|queue|database|heartbeat|ledger|quota|sessions|keys|idempotency|rate-limits|expiry|moves|tally|grants|invitations|oauth-states|revocations)\.ts$|^src\/(privacy|queue|database|heartbeat)|^src\/jobs\/(photos|photo-ledger|limits)\.ts$|\/posting-defaults\.ts$/;

describe('the architecture', () => {
  it('lets a plugin import #plugin, its own files, packages and node alone', () => {
    for (const file of files.filter((name) => name.startsWith('plugins/'))) {
      const own = file.split('/').slice(0, 2).join('/');
      for (const name of importsOf(file)) {
        const is_ours =
          name.startsWith('src/') || name.startsWith('plugins/') || name.startsWith('scripts/');
        expect(!is_ours || name.startsWith(`${own}/`), `${file} imports ${name}`).to.equal(true);
      }
    }
  });

  it('lets the base import the base alone', () => {
    for (const file of [...BASE, ...files.filter((name) => BASE_FOLDERS.test(name))]) {
      for (const name of valueImportsOf(file).filter((each) => each.startsWith('src/'))) {
        const is_base = BASE.includes(name) || BASE_FOLDERS.test(name);
        expect(is_base, `${file} imports ${name}`).to.equal(true);
      }
    }
  });

  it('makes no circle of imports', () => {
    const seen = new Set<string>();
    const visit = (file: string, way: string[]): void => {
      expect(way, `${[...way, file].join(' → ')}`).not.to.include(file);
      if (seen.has(file)) return;
      for (const name of valueImportsOf(file).filter((each) => files.includes(each)))
        visit(name, [...way, file]);
      seen.add(file);
    };
    for (const file of files) visit(file, []);
  });

  it('keeps TikTok’s client free of database and jobs', () => {
    for (const file of files.filter((name) => name.startsWith('src/tiktok/'))) {
      for (const name of valueImportsOf(file))
        expect(name).not.to.match(/knex|^pg$|src\/(jobs|creators|database)/);
    }
  });

  it('reads the environment in one file', () => {
    for (const file of files.filter(
      (name) => name.startsWith('src/') || name.startsWith('plugins/'),
    )) {
      if (file === 'src/config.ts') continue;
      expect(source(file).includes('process.env'), file).to.equal(false);
    }
  });

  it('starts processes in two files', () => {
    for (const file of files.filter(
      (name) => name.startsWith('src/') || name.startsWith('plugins/'),
    )) {
      if (file === 'src/embedded-postgres.ts' || file === 'plugins/media/ffmpeg.ts') continue;
      expect(importsOf(file), file).not.to.include.members(['node:child_process']);
      expect(importsOf(file), file).not.to.include('fluent-ffmpeg');
    }
  });

  it('sends requests from three places: for TikTok, for what a creator named, and to the operator’s bucket', () => {
    const outside = ['fetch', 'connect', 'faults'].map((name) => `src/outside/${name}.ts`);
    const doors = ['src/tiktok/requests.ts', ...outside, 'src/storage/put-part.ts'];
    for (const file of files.filter(
      (name) => name.startsWith('src/') || name.startsWith('plugins/'),
    )) {
      if (doors.includes(file)) continue;
      for (const name of ['undici', 'node:https', 'node:http2', 'node:tls'])
        expect(valueImportsOf(file), file).not.to.include(name);
      // A method of that name is the guard's own.
      expect(/(?<![.\w])fetch\((?!ask)/.test(source(file)), file).to.equal(false);
    }
  });

  it('keeps deprecated packages behind one file each', () => {
    for (const [name, owner] of [
      ['lucia', 'src/access/sessions.ts'],
      ['fluent-ffmpeg', 'plugins/media/ffmpeg.ts'],
    ]) {
      expect(files.filter((file) => importsOf(file).includes(name as string))).to.deep.equal([
        owner,
      ]);
    }
  });

  it('keeps SQL in the files that own tables', () => {
    for (const file of files.filter(
      (name) => name.startsWith('src/') || name.startsWith('plugins/'),
    )) {
      if (SQL.test(file)) continue;
      const found = /\b(?:db|trx)\('|\.raw\(/.exec(source(file));
      expect(found?.[0], file).to.equal(undefined);
    }
  });

  it('begins each file with a sentence that says what it is for', () => {
    for (const file of files) expect(source(file).split('\n')[0], file).to.match(/^\/\/ .{15,}/);
  });

  it('keeps the product unaware of the sandbox', () => {
    for (const file of files.filter(
      (name) => name.startsWith('src/') || name.startsWith('plugins/'),
    )) {
      for (const name of importsOf(file)) expect(name, file).not.to.contain('tiktok-sandbox');
    }
    for (const file of files.filter((name) => name.startsWith('scripts/tiktok-sandbox/'))) {
      for (const name of importsOf(file))
        expect(name.startsWith('src/'), `${file} imports ${name}`).to.equal(false);
    }
  });
});
