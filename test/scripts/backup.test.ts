// Shows what a backup holds, and what a restore brings back and what it does not.
import { spawn } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Decrypter } from 'age-encryption';
import { expect } from 'chai';
import { printSchema, SCHEMA_FILE } from '../../scripts/schema.ts';
import { openDatabase } from '../../src/base/database.ts';
import {
  type Appliance,
  anAppliance,
  type Client,
  type Env,
  type Json,
  ROOT,
  TEST_SECRET,
} from '../support/appliance.ts';
import { freshDatabase } from '../support/database.ts';
import { query as sql } from '../support/sql.ts';
import { video } from '../support/videos.ts';
import { waitUntil } from '../support/wait-until.ts';

const CANARY = 'canary-in-a-coal-mine';
const DAY_MS = 86_400_000;

interface Ended {
  code: number | null;
  output: string;
  errors: string;
}

/** Runs a script of the project as an operator does, with this environment alone. */
function run(script: string, args: string[], env: Env): Promise<Ended> {
  const child = spawn(join(ROOT, 'scripts', script), args, {
    cwd: tmpdir(),
    env: { PATH: process.env['PATH'] ?? '', ...env },
  });
  let [output, errors] = ['', ''];
  child.stdout.on('data', (part) => {
    output += part;
  });
  child.stderr.on('data', (part) => {
    errors += part;
  });
  return new Promise((done) => child.once('close', (code) => done({ code, output, errors })));
}

const environment = (of: { database_url: string; data_dir: string }, more: Env = {}): Env => ({
  DATABASE_URL: of.database_url,
  DATA_DIR: of.data_dir,
  APP_SECRET: TEST_SECRET,
  TIKTOK_CLIENT_KEY: 'sbsandbox',
  TIKTOK_CLIENT_SECRET: 'sandbox-secret',
  ...more,
});

const folders: string[] = [];
function aFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pm3k-backups-'));
  folders.push(folder);
  return folder;
}

/** A new machine: a database without a table, and an empty folder. */
async function anEmptyPlace(): Promise<{ database_url: string; data_dir: string }> {
  const { url } = await freshDatabase();
  await sql(url, 'drop schema public, graphile_worker cascade; create schema public');
  return { database_url: url, data_dir: aFolder() };
}

/** Makes a backup in a folder of its own, and returns its path. */
async function backUp(env: Env, folder = aFolder()): Promise<string> {
  const made = await run('backup.sh', [folder], env);
  expect(made.errors).to.equal('');
  expect(made.code).to.equal(0);
  const [name] = readdirSync(folder)
    .filter((each) => each.endsWith('.age'))
    .sort()
    .slice(-1);
  return join(folder, name as string);
}

const mediaOf = (dataDir: string) => {
  const root = join(dataDir, 'media');
  if (!existsSync(root)) return [];
  return readdirSync(root)
    .filter((name) => name.length === 2)
    .flatMap((name) => readdirSync(join(root, name)));
};

async function schedule(client: Client, inMs: number, title = 'Later'): Promise<Json> {
  const upload = await client.upload(await video());
  const scheduleAt = new Date(Date.now() + inMs).toISOString();
  const body = client.job(upload.json['storage_key'], {
    mode: 'schedule',
    schedule_at: scheduleAt,
    title,
  });
  return (await client.api('POST', '/v1/jobs', body)).json;
}

/** Uses the same sandbox, so that grants and posts are the same. */
const sameTikTok = ({ sandbox }: Appliance): Env => ({
  TIKTOK_AUTHORIZE_URL: `${sandbox.url}/v2/auth/authorize/`,
  TIKTOK_API_URL: sandbox.url,
  TIKTOK_UPLOAD_HOSTS: new URL(sandbox.url).host,
});

after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Deletes the account by the creator's key, and returns when nothing is left. */
async function deleteCreator(databaseUrl: string, client: Client): Promise<void> {
  await sql(databaseUrl, 'update creators set keys_may_export_and_erase = true where id = $1', [
    client.creatorId,
  ]);
  const confirm = client.creatorId;
  const { status } = await client.api('DELETE', '/v1/creators/me', { confirm });
  expect(status).to.equal(202);
  await waitUntil(async () => {
    const rows = await sql(databaseUrl, 'select from deletions where done_at is null');
    return rows.length === 0;
  });
}

/** Starts the appliance, and returns what requests with this key got while it started. */
async function startAsking(app: Appliance, client: Client): Promise<number[]> {
  const statuses: number[] = [];
  let isOver = false;
  const asking = (async () => {
    while (!isOver) {
      const answer = await client.api('GET', '/v1/creators/me').catch(() => null);
      if (answer) statuses.push(answer.status);
      await sleep(5);
    }
  })();
  await app.start();
  await waitUntil(async () => statuses.length > 0);
  isOver = true;
  await asking;
  return statuses;
}

describe('a backup of a database of one’s own', () => {
  let app: Appliance;
  let env: Env;
  let leaving: Client;
  let staying: Client;
  let backup: string;
  let due: Json;
  let far: Json;
  let files: string[];
  let rows: Json;

  const rowsOf = async (url: string, { creatorId }: Client) => ({
    creator: await sql(url, 'select * from creators where id = $1', [creatorId]),
    grants: await sql(url, 'select * from grants where creator_id = $1', [creatorId]),
    keys: await sql(url, 'select * from api_keys where creator_id = $1', [creatorId]),
    media: await sql(url, 'select * from media where creator_id = $1 order by 1', [creatorId]),
    consents: await sql(
      url,
      'select consents.* from consents join jobs on jobs.id = job_id where creator_id = $1 order by 1',
      [creatorId],
    ),
  });

  before(async () => {
    app = await anAppliance({ POST_SPACING_SECONDS: '0' });
    env = environment(app);
    leaving = await app.creator('leaving');
    staying = await app.creator('staying');
    await schedule(leaving, 30 * 60_000, CANARY);
    far = await schedule(staying, 60 * 60_000, CANARY);
    due = await schedule(staying, 25_000);
    await waitUntil(
      async () =>
        (await sql(app.database_url, `select from jobs where state = 'ready'`)).length === 3,
    );
    files = mediaOf(app.data_dir);
    rows = await rowsOf(app.database_url, staying);
    backup = await backUp(env);
    // Everything from here on happened after the backup.
    expect(await staying.ended(due['id'])).to.include({ status: 'finished' });
    await deleteCreator(app.database_url, leaving);
    await app.stop();
  });
  after(() => app[Symbol.asyncDispose]());

  it('is for its owner alone, and nothing in it can be read', () => {
    expect(statSync(backup).mode & 0o777).to.equal(0o600);
    const bytes = readFileSync(backup);
    for (const word of [CANARY, 'staying', staying.creatorId, 'manifest.json', 'ustar']) {
      expect(bytes.includes(word), word).to.equal(false);
    }
    expect(bytes.subarray(0, 21).toString()).to.equal('age-encryption.org/v1');
    expect(readdirSync(join(backup, '..'))).to.have.length(1);
  });

  it('opens with the identity that the script prints, and holds rows, files and no sign-in', async () => {
    const { output } = await run('backup.sh', ['--identity'], env);
    const decrypter = new Decrypter();
    decrypter.addIdentity(output.trim());
    const plain = Buffer.from(await decrypter.decrypt(readFileSync(backup)));
    expect(plain.includes(CANARY)).to.equal(true);
    for (const key of files) expect(plain.includes(`media/${key}`), key).to.equal(true);
    expect(plain.includes('tables/api_keys/')).to.equal(true);
    for (const name of ['sessions', 'request_log', 'rate_limits', 'scratch_folders']) {
      expect(plain.includes(`tables/${name}/`), name).to.equal(false);
    }
  });

  it('refuses to overwrite creators unasked, and what is no backup of this instance', async () => {
    const before = await sql(
      app.database_url,
      'select id, state, updated_at from jobs order by id',
    );
    const folder = aFolder();
    const changed = (name: string, change: (path: string) => void) => {
      const path = join(folder, name);
      copyFileSync(backup, path);
      change(path);
      return path;
    };
    const size = statSync(backup).size;
    const other = { APP_SECRET: Buffer.alloc(32, 8).toString('base64') };
    const cases: [RegExp, string[], Env?][] = [
      [/holds 1 creators/, [backup]],
      [/another APP_SECRET/, ['--replace', backup], other],
      [
        /not a complete backup/,
        ['--replace', changed('one-byte-less', (path) => truncateSync(path, size - 1))],
      ],
      [
        /not a complete backup/,
        ['--replace', changed('half', (path) => truncateSync(path, size / 2))],
      ],
      [
        /not a complete backup/,
        ['--replace', changed('a-chunk-less', (path) => truncateSync(path, chunkEnd(path)))],
      ],
      [/not a complete backup/, ['--replace', changed('tampered', (path) => flip(path, size / 2))]],
      [
        /not a complete backup/,
        ['--replace', changed('tampered-end', (path) => flip(path, size - 20))],
      ],
      [
        /not a complete backup/,
        ['--replace', changed('longer', (path) => appendFileSync(path, 'x'))],
      ],
      [
        /not a complete backup/,
        ['--replace', changed('text', (path) => writeFileSync(path, 'text'))],
      ],
      [/not a complete backup/, ['--replace', changed('empty', (path) => writeFileSync(path, ''))]],
      [/cannot be read/, ['--replace', join(folder, 'none')]],
      [/^Usage/, []],
      [/^Usage/, ['--replace', '--all', backup]],
    ];
    for (const [message, args, more] of cases) {
      const { code, errors } = await run('restore.sh', args, { ...env, ...more });
      expect(errors, args.join(' ')).to.match(message);
      expect(code, args.join(' ')).to.be.oneOf([1, 64]);
    }
    expect(
      await sql(app.database_url, 'select id, state, updated_at from jobs order by id'),
    ).to.deep.equal(before);
    const schemas = await sql(
      app.database_url,
      `select nspname from pg_namespace where nspname = 'pm3k_restore'`,
    );
    expect(schemas).to.deep.equal([]);
    expect(mediaOf(app.data_dir).every((key) => files.includes(key))).to.equal(true);
  });

  it('brings back on an empty machine all of who stays, and posts nothing twice', async () => {
    const place = await anEmptyPlace();
    const { code, output, errors } = await run('restore.sh', [backup], environment(place));
    expect(errors).to.equal('');
    expect(code).to.equal(0);
    expect(output).to.match(/3 posts may have been made after the backup/);
    expect(output).to.not.match(/posts are still to come/);
    expect(mediaOf(place.data_dir).sort()).to.deep.equal([...files].sort());
    expect(await rowsOf(place.database_url, staying)).to.deep.equal(rows);
    // No receipt waits for disks of the place where the backup was made.
    expect(await sql(place.database_url, 'select from scratch_folders')).to.deep.equal([]);
    const db = openDatabase({ connectionString: place.database_url });
    expect(await printSchema(db).finally(() => db.destroy())).to.equal(
      readFileSync(SCHEMA_FILE, 'utf8'),
    );

    const posted = app.sandbox.state.publishes.length;
    await using restored = await anAppliance({
      ...{ DATABASE_URL: place.database_url, DATA_DIR: place.data_dir, POST_SPACING_SECONDS: '0' },
      ...sameTikTok(app),
    });
    const client = Object.assign(Object.create(Object.getPrototypeOf(staying)), staying, {
      url: restored.url,
    });
    const job = (await client.api('GET', `/v1/jobs/${due['id']}`)).json;
    expect(job).to.include({ status: 'unconfirmed' });
    expect(job['error']['message']).to.contain('restored from a backup');
    // Its time is still to come, but it can have been moved and made since.
    expect((await client.api('GET', `/v1/jobs/${far['id']}`)).json).to.include({
      status: 'unconfirmed',
      title: CANARY,
    });
    // The instance works: a new post goes out, and tables with sequences get new rows.
    const { json } = await client.api(
      'POST',
      '/v1/jobs',
      client.job(rows['media'][0]['storage_key'], { allow_duplicate: true }),
    );
    expect(await client.ended(json['id'])).to.include({ status: 'finished' });
    expect(app.sandbox.state.publishes.length).to.equal(posted + 1);
    const resolved = await client.api('POST', `/v1/jobs/${due['id']}/resolution`, {
      outcome: 'posted',
    });
    expect(resolved.json).to.include({ status: 'finished' });
    await client.api('POST', `/v1/jobs/${far['id']}/resolution`, { outcome: 'not_posted' });
    const again = await client.api('POST', `/v1/jobs/${far['id']}/retry`);
    expect(again.json).to.include({ status: 'scheduled', send_at: far['send_at'] });
    await client.api('PATCH', `/v1/jobs/${far['id']}`, {
      schedule_at: new Date(Date.now() + 1_000).toISOString(),
    });
    expect(await client.ended(far['id'])).to.include({ status: 'finished' });
  });

  it('brings nobody back who was deleted since: they are gone before the first answer', async () => {
    await sql(app.database_url, 'update jobs set state = $1 where id = $2', [
      'cancelled',
      far['id'],
    ]);
    const { code, errors, output } = await run('restore.sh', ['--replace', backup], env);
    expect(errors).to.equal('');
    expect(code).to.equal(0);
    expect(output).to.match(/1 creators of the backup were deleted since/);
    expect(output).not.to.match(/knows of nobody/);
    expect(await sql(app.database_url, 'select from creators')).to.have.length(2);
    expect(await startAsking(app, leaving)).to.satisfy((all: number[]) =>
      all.every((status) => status === 401 || status === 503),
    );
    expect(await sql(app.database_url, 'select id from creators')).to.deep.equal([
      { id: staying.creatorId },
    ]);
    const receipts = await waitUntil(async () => {
      const done = await sql(app.database_url, 'select * from deletions where done_at is not null');
      return done.length > 0 && done;
    });
    expect(receipts).to.have.length(1);
    expect(receipts[0]).to.include({ method: 'restore', traces: 0 });
    expect(mediaOf(app.data_dir).sort()).to.deep.equal(
      rows['media'].map((each: Json) => each['storage_key']).sort(),
    );
    expect(await rowsOf(app.database_url, staying)).to.deep.equal(rows);
    // What was cancelled in the replaced database does not come back to life.
    expect((await staying.api('GET', `/v1/jobs/${far['id']}`)).json).to.include({
      status: 'cancelled',
    });
  });

  it('tells on a machine that knows of no deletion since what to look at, and knows those beside it', async () => {
    const folder = aFolder();
    const copy = join(folder, 'copy.age');
    copyFileSync(backup, copy);
    const alone = await anEmptyPlace();
    const blind = await run('restore.sh', [copy], environment(alone));
    expect(blind.code).to.equal(0);
    expect(blind.output).to.match(/knows of nobody who was deleted after/);
    expect(blind.output).to.contain(join(alone.data_dir, 'media/deletions'));
    expect(blind.output).not.to.match(/were deleted since/);

    // A later run on the old machine left its ledger beside the backups.
    await backUp(env, folder);
    writeFileSync(join(folder, 'deletions/notes.json'), 'of somebody');
    expect(existsSync(join(folder, 'deletions', `${leaving.creatorId}.json`))).to.equal(true);
    const place = await anEmptyPlace();
    const knowing = await run('restore.sh', [copy], environment(place));
    expect(knowing.errors).to.equal('');
    expect(knowing.output).to.match(/1 creators of the backup were deleted since/);
    expect(knowing.output).to.match(/knows of nobody who was deleted after/);
    expect(readdirSync(join(place.data_dir, 'media/deletions'))).to.deep.equal([
      `${leaving.creatorId}.json`,
    ]);
    await using _restored = await anAppliance({
      ...{ DATABASE_URL: place.database_url, DATA_DIR: place.data_dir },
      ...sameTikTok(app),
    });
    expect(await sql(place.database_url, 'select id from creators')).to.deep.equal([
      { id: staying.creatorId },
    ]);
  });

  it('is not restored with a ledger that cannot be read', async () => {
    const folder = aFolder();
    const copy = join(folder, 'copy.age');
    copyFileSync(backup, copy);
    writeFileSync(join(folder, 'deletions'), 'not a folder');
    const place = await anEmptyPlace();
    const { code, errors } = await run('restore.sh', [copy], environment(place));
    expect(errors).to.match(/ledger of deletions .* cannot be read.*Nothing was changed/s);
    expect(code).to.equal(1);
    expect(
      await sql(place.database_url, `select from pg_tables where schemaname = 'public'`),
    ).to.deep.equal([]);
  });

  it('is not put back while the appliance runs', async () => {
    const { code, errors } = await run('restore.sh', ['--replace', backup], env);
    expect(errors).to.match(/Stop all of its processes first/);
    expect(code).to.equal(1);
    expect((await staying.api('GET', '/v1/creators/me')).status).to.equal(200);
  });

  it('keeps whoever asked to be deleted, and was not yet, from coming back with it', async () => {
    const asked = await app.creator('asked');
    const made = await backUp(env);
    await app.stop();
    await sql(
      app.database_url,
      `insert into deletions (receipt_token, method, creator_id) values ('r', 'request', $1)`,
      [asked.creatorId],
    );
    expect((await run('restore.sh', ['--replace', made], env)).code).to.equal(0);
    await app.start();
    expect(await sql(app.database_url, 'select id from creators')).to.deep.equal([
      { id: staying.creatorId },
    ]);
  });

  it('opens with an older key of APP_SECRET, and is made with the first', async () => {
    const fresh = Buffer.alloc(32, 9).toString('base64');
    const rotated = { ...env, APP_SECRET: `${fresh},${TEST_SECRET}` };
    const place = await anEmptyPlace();
    const there = { ...rotated, DATABASE_URL: place.database_url, DATA_DIR: place.data_dir };
    expect((await run('restore.sh', [backup], there)).code).to.equal(0);
    const made = await backUp(rotated);
    const again = await anEmptyPlace();
    const only = { ...environment(again), APP_SECRET: fresh };
    expect((await run('restore.sh', [made], only)).code).to.equal(0);
    expect((await run('restore.sh', [made], environment(await anEmptyPlace()))).errors).to.match(
      /another APP_SECRET/,
    );
  });

  it('keeps a whole file whose copy in the backup is damaged', async () => {
    const key = mediaOf(app.data_dir)[0] as string;
    const path = join(app.data_dir, 'media', key.slice(0, 2), key);
    const whole = readFileSync(path);
    flip(path, 10);
    const made = await backUp(env);
    writeFileSync(path, whole);
    await app.stop();
    const { output, code } = await run('restore.sh', ['--replace', made], env);
    expect(code).to.equal(0);
    expect(output).to.match(/1 files were damaged before they were backed up/);
    expect(existsSync(path)).to.equal(true);
    expect(readFileSync(path).equals(whole)).to.equal(true);
    // A damaged file is not written where there is none either.
    rmSync(path);
    expect((await run('restore.sh', ['--replace', made], env)).code).to.equal(0);
    expect(existsSync(path)).to.equal(false);
    writeFileSync(path, whole);
  });

  it('gives nobody access back who had lost it since', async () => {
    const url = app.database_url;
    const operator = (name: string) =>
      sql(url, 'insert into operators (email, password_hash) values ($1, $2)', [
        `${name}@example.org`,
        'the old hash',
      ]);
    const key = (hash: string) =>
      sql(
        url,
        `insert into api_keys (creator_id, name, key_hash, hint, expires_at)
         values ($1, $2, $2, 'abcd', now() + interval '1 day')`,
        [staying.creatorId, hash],
      );
    await sql(url, 'delete from operators');
    for (const name of ['removed', 'kept', 'added-again']) await operator(name);
    for (const hash of ['removed-key', 'replaced-key', 'kept-key', 'shortened-key'])
      await key(hash);
    const made = await backUp(env);
    await sql(url, `delete from operators where email !~ '^kept'`);
    await operator('added-again');
    await sql(url, `update operators set password_hash = 'the new hash', failures = 3`);
    await sql(url, `delete from api_keys where key_hash = 'removed-key'`);
    await sql(url, `update api_keys set key_hash = 'a-new-key' where key_hash = 'replaced-key'`);
    await sql(
      url,
      `update api_keys set expires_at = now() - interval '1 day' where key_hash = 'shortened-key'`,
    );
    const { output, code } = await run('restore.sh', ['--replace', made], env);
    expect(code).to.equal(0);
    expect(output).to.contain('2 API keys and 1 operators of the backup');
    expect(
      await sql(url, 'select email, password_hash, failures from operators order by email'),
    ).to.deep.equal([
      { email: 'added-again@example.org', password_hash: 'the new hash', failures: 3 },
      { email: 'kept@example.org', password_hash: 'the new hash', failures: 3 },
    ]);
    const hashes = await sql(
      url,
      `select key_hash, expires_at < now() as is_over from api_keys where key_hash like '%-key' order by 1`,
    );
    expect(hashes).to.deep.equal([
      { key_hash: 'kept-key', is_over: false },
      { key_hash: 'shortened-key', is_over: true },
    ]);

    // An instance without creators does not know who lost access.
    for (const args of [[made], ['--replace', made]]) {
      const place = await anEmptyPlace();
      const bare = await run('restore.sh', args, environment(place));
      expect(bare.code).to.equal(0);
      expect(bare.output).to.match(/no database here to compare .* with/);
      expect(await sql(place.database_url, 'select from operators')).to.have.length(3);
    }
    await sql(url, 'delete from operators');
  });

  it('expires after BACKUP_DAYS: it is removed by the next run, and not restored any more', async () => {
    const folder = aFolder();
    const old = join(folder, `pm3k-${stamp(31)}.backup.age`);
    const young = join(folder, `pm3k-${stamp(29)}.backup.age`);
    const strange = join(folder, 'pm3k-notes.txt');
    for (const path of [old, young, strange]) writeFileSync(path, 'x');
    // A copy changes the file's times; its name counts.
    utimesSync(old, new Date(), new Date());
    const { output } = await run('backup.sh', [folder], { ...env, BACKUP_DAYS: '30' });
    expect(output).to.contain('Removed 1 backups older than 30 days.');
    expect([existsSync(old), existsSync(young), existsSync(strange)]).to.deep.equal([
      false,
      true,
      true,
    ]);
    expect(readdirSync(folder).filter((name) => name !== 'deletions')).to.have.length(3);

    // Expired backups are removed even if making a new one fails.
    writeFileSync(old, 'x');
    const failed = await run('backup.sh', [folder], {
      ...env,
      DATABASE_URL: 'postgres://nobody@127.0.0.1:9/none',
    });
    expect(failed.code).to.equal(1);
    expect(existsSync(old)).to.equal(false);
  });

  it('expires at each look of --daily, whether or not one is due', async () => {
    const folder = aFolder();
    const fresh = join(folder, `pm3k-${stamp(0)}.backup.age`);
    const old = join(folder, `pm3k-${stamp(31)}.backup.age`);
    const over = join(folder, 'deletions', `${leaving.creatorId}.json`);
    for (const path of [old, fresh]) writeFileSync(path, 'x');
    mkdirSync(join(folder, 'deletions'));
    writeFileSync(over, JSON.stringify({ creator_id: leaving.creatorId, ends_at: new Date(0) }));
    const child = spawn(join(ROOT, 'scripts/backup.sh'), ['--daily', folder], {
      env: { PATH: process.env['PATH'] ?? '', ...env, BACKUP_DAYS: '30' },
      stdio: 'ignore',
    });
    try {
      await waitUntil(async () => !existsSync(old));
      // The copied ledger expires when the ledger itself does.
      await waitUntil(async () => JSON.parse(readFileSync(over, 'utf8')).ends_at > '2000');
    } finally {
      child.kill('SIGTERM');
      await new Promise((done) => child.once('close', done));
    }
    expect(readdirSync(folder).filter((name) => name.endsWith('.age'))).to.have.length(1);
    expect(existsSync(fresh)).to.equal(true);
  });

  const stamp = (daysAgo: number) =>
    `${new Date(Date.now() - daysAgo * DAY_MS).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
});

describe('a backup of the embedded database', () => {
  it('is made beside the running appliance and while it is stopped, and brings all back', async () => {
    await using app = await anAppliance({ DATABASE_URL: '', APP_SECRET: '' });
    const env = environment(app, { DATABASE_URL: '', APP_SECRET: '' });
    const leaving = await app.creator('leaving');
    const staying = await app.creator('staying');
    const [gone, kept] = [await schedule(leaving, 3_600_000), await schedule(staying, 3_600_000)];
    const beside = await backUp(env);
    await app.stop();
    const stopped = await backUp(env);
    expect(existsSync(join(app.data_dir, 'postgres/postmaster.pid'))).to.equal(false);
    await app.start();
    await leaving.form('/settings', { keys_may_export_and_erase: 'true' });
    expect(
      (await leaving.api('DELETE', '/v1/creators/me', { confirm: leaving.creatorId })).status,
    ).to.equal(202);
    await waitUntil(async () => mediaOf(app.data_dir).length === 1);
    const running = await run('restore.sh', ['--replace', stopped], env);
    expect(running.errors).to.match(/Another running PM3K/);
    expect(running.code).to.equal(78);
    await app.stop();

    for (const backup of [beside, stopped]) {
      expect(await run('restore.sh', ['--replace', backup], env)).to.include({
        code: 0,
        errors: '',
      });
      expect(mediaOf(app.data_dir)).to.have.length(2);
      expect(await startAsking(app, leaving)).to.satisfy((all: number[]) =>
        all.every((status) => status === 401 || status === 503),
      );
      expect(mediaOf(app.data_dir)).to.have.length(1);
      const { json } = await staying.api('GET', `/v1/jobs/${kept['id']}`);
      expect(json).to.include({ status: 'scheduled' });
      expect((await staying.api('GET', `/v1/jobs/${gone['id']}`)).status).to.equal(404);
      await app.stop();
    }

    // On a new machine the secret is put in place first.
    const bare = { ...env, DATA_DIR: aFolder() };
    const refused = await run('restore.sh', [beside], bare);
    expect(refused.errors).to.match(/There is no secret/);
    expect(refused.code).to.equal(1);
    copyFileSync(join(app.data_dir, 'app-secret'), join(bare['DATA_DIR'] as string, 'app-secret'));
    expect(await run('restore.sh', [beside], bare)).to.include({ code: 0, errors: '' });
    expect(mediaOf(bare['DATA_DIR'] as string)).to.have.length(2);
  });

  it('is not made of nothing', async () => {
    const place = { database_url: '', data_dir: aFolder() };
    const { code, errors } = await run('backup.sh', [], environment(place));
    expect(errors).to.match(/There is no database in/);
    expect(code).to.equal(1);
    expect(readdirSync(place.data_dir)).to.deep.equal([]);
  });
});

/**
 * Returns where a chunk of the age format ends: header, 16 bytes of nonce, then chunks of 64 KiB
 * and a tag.
 */
function chunkEnd(path: string): number {
  const bytes = readFileSync(path);
  const headerEnd = bytes.indexOf('\n', bytes.indexOf('\n---') + 1) + 1;
  const chunk = 65_536 + 16;
  return headerEnd + 16 + Math.floor((bytes.length - headerEnd - 16) / chunk) * chunk;
}

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  const place = Math.floor(at);
  bytes[place] = (bytes[place] as number) ^ 1;
  writeFileSync(path, bytes);
}
