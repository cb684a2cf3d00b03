// Holds the architecture: the order of the folders, whose tables are whose, and where the world outside is met.
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import { CLOCK_READERS, listClockUses } from '../scripts/measure/clocks.ts';
import {
  type Import,
  listFileCircles,
  listFolderGroups,
  listForeignPluginImports,
  listImports,
  listPluginNames,
  listUpwardImports,
} from '../scripts/measure/imports.ts';
import { findFolder, ORDER } from '../scripts/measure/order.ts';
import { findOwners, listForeignUses, listUnownedTables } from '../scripts/measure/tables.ts';
import { parseFile, readTree } from '../scripts/measure/tree.ts';
import { checkWalk, readWalks, WALK_BOUNDS } from '../scripts/measure/walks.ts';

const ROOT = resolve(import.meta.dirname, '..');
const product = readTree(ROOT);
const files = [...product, ...readTree(ROOT, ['scripts'])];

/** The files of the product that import one of the packages, but for those that may. */
function findImporters(
  packages: string[],
  allowed: string[],
  isMeant = (_each: Import) => true,
): string[] {
  return product
    .filter(({ path }) => !allowed.some((prefix) => path.startsWith(prefix)))
    .filter((file) => listImports(file).some((each) => packages.includes(each.to) && isMeant(each)))
    .map(({ path }) => path);
}

/** What the server renders; scripts of pages run in the reader's browser. */
function listTemplates(): string[] {
  return globSync(join(ROOT, 'templates/**/*.eta'));
}

describe('the architecture', () => {
  it(`lets a folder import only folders before it: ${ORDER.join(', ')}`, () => {
    expect(listUpwardImports(product)).to.deep.equal([]);
    expect(listFolderGroups(product)).to.deep.equal([]);
  });

  it('lets a plugin import #plugin, its own files, packages and node alone', () => {
    expect(listForeignPluginImports(product)).to.deep.equal([]);
  });

  it('keeps what plugins may use small enough to be learned', () => {
    const names = listPluginNames(product);
    expect(names.length, names.join(', ')).to.be.within(1, 30);
    expect(names).not.to.include('*');
  });

  it('makes no circle of files', () => {
    expect(listFileCircles(files)).to.deep.equal([]);
  });

  it('gives each table to one folder, which alone writes it; folders above may read it', () => {
    const schema = readFileSync(join(ROOT, 'migrations/schema.sql'), 'utf8');
    expect(listUnownedTables(schema, findOwners(product))).to.deep.equal([]);
    expect(listForeignUses(product)).to.deep.equal([]);
  });

  it('keeps TikTok’s client free of database, jobs and creators', () => {
    const forbidden = /^(?:knex|pg|src\/base\/database\.ts)$|^src\/(?:queue|jobs|creators)\//;
    const found = product
      .filter(({ path }) => findFolder(path) === 'tiktok')
      .flatMap(listImports)
      .filter(({ to }) => forbidden.test(to));
    expect(found).to.deep.equal([]);
  });

  it('reads the environment in one file', () => {
    const readers = product.filter(({ text }) => text.includes('process.env'));
    expect(readers.map(({ path }) => path)).to.deep.equal(['src/base/config.ts']);
  });

  it('starts processes for PostgreSQL and for ffmpeg alone', () => {
    const allowed = ['src/base/postgres-', 'plugins/media/ffmpeg.ts'];
    expect(findImporters(['node:child_process', 'fluent-ffmpeg'], allowed)).to.deep.equal([]);
  });

  it('sends requests from three places: for TikTok, for what a creator named, and to the operator’s bucket', () => {
    const places = ['src/tiktok/requests.ts', 'src/safe-fetch/', 'src/storage/put-part.ts'];
    const packages = ['undici', 'node:https', 'node:http2', 'node:tls'];
    expect(findImporters(packages, places, ({ isType }) => !isType)).to.deep.equal([]);
    for (const { path, text } of product) {
      if (places.some((place) => path.startsWith(place))) continue;
      // A method of that name is the guard's own, or that of a media source.
      expect(/(?<![.\w]|async )fetch\((?!ask)/.test(text), path).to.equal(false);
    }
  });

  it('asks this machine’s clock in few files, each for a reason that the docs tell', () => {
    const uses = listClockUses(product);
    const readers = new Set(uses.map((use) => use.split(':')[0] as string));
    const page = readFileSync(join(ROOT, 'docs/decisions/038-time-is-the-databases.md'), 'utf8');
    expect(uses.filter((use) => !(CLOCK_READERS[use.split(':')[0] as string] ?? ''))).to.deep.equal(
      [],
    );
    for (const [path, reason] of Object.entries(CLOCK_READERS)) {
      expect([...readers], `${path} is in the list for nothing`).to.include(path);
      expect(page).to.contain(`| \`${path}\` | ${reason} |`);
    }
    for (const path of listTemplates()) {
      expect(readFileSync(path, 'utf8'), path).not.to.match(/Date\.now|new Date\(\)/);
    }
  });

  it('finds each way to ask that clock', () => {
    const text = 'f(Date.now(), Date.now, new Date(), new Date, Date(), new Date(0), x.now());';
    expect(listClockUses([parseFile('made.ts', text)])).to.have.length(5);
  });

  it('keeps deprecated packages behind one file each', () => {
    expect(findImporters(['lucia'], [])).to.deep.equal(['src/access/sessions.ts']);
    expect(findImporters(['fluent-ffmpeg'], [])).to.deep.equal(['plugins/media/ffmpeg.ts']);
  });

  it('begins each file with a sentence that says what it is for', () => {
    for (const { path, text } of files) {
      expect(text.split('\n')[0], path).to.match(/^\/\/ .{15,}/);
    }
  });

  it('keeps the product unaware of the sandbox', () => {
    const imports = files.flatMap(listImports);
    const isSandbox = (path: string) => path.startsWith('scripts/tiktok-sandbox/');
    const crossing = imports.filter(
      ({ from, to }) =>
        (isSandbox(to) && !from.startsWith('scripts/')) ||
        (isSandbox(from) && to.startsWith('src/')),
    );
    expect(crossing).to.deep.equal([]);
  });

  it('can be walked as its README says: each file leads to the next, and there are few', () => {
    const walks = readWalks(ROOT, 'src/README.md');
    expect(walks.map(({ name }) => name)).to.have.members(Object.keys(WALK_BOUNDS));
    for (const walk of walks) {
      expect(checkWalk(ROOT, walk, product), `Walk: ${walk.name}`).to.deep.equal([]);
    }
  });
});
