import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { type Appliance, anAppliance, type Client, ROOT } from '../support/appliance.ts';
import { failingStart } from '../support/failing-start.ts';
import { video } from '../support/videos.ts';

const run = promisify(execFile);

/** What stands between the marks of this name in plugins/README.md, without the fence. */
function readExample(mark: string): string {
  const readme = readFileSync(join(ROOT, 'plugins/README.md'), 'utf8');
  const found = readme.match(
    new RegExp(`<!-- ${mark} -->\\n\`\`\`\\w+\\n([\\s\\S]+?)\`\`\`\\n`),
  )?.[1];
  if (!found) throw new Error(`Expected a block ${mark} in plugins/README.md`);
  return found;
}

describe('a plugin from outside: the example of the documentation', () => {
  let app: Appliance;
  let client: Client;
  let plugins: string;
  let shelf: string;
  before(async () => {
    // Node takes files without a package.json for what they look like; npm's default is commonjs.
    plugins = realpathSync(mkdtempSync(join(tmpdir(), 'pm3k-plugins-')));
    shelf = mkdtempSync(join(tmpdir(), 'pm3k-shelf-'));
    mkdirSync(join(plugins, 'shelf'));
    writeFileSync(join(plugins, 'shelf/plugin.ts'), readExample('example'));
    writeFileSync(join(shelf, 'holiday.mp4'), await video());
    writeFileSync(join(shelf, 'letter.txt'), 'No film.');
    app = await anAppliance({ PLUGINS_DIR: plugins, SHELF_DIR: shelf });
    client = await app.creator();
  });
  after(async () => {
    await app?.[Symbol.asyncDispose]();
    for (const folder of [plugins, shelf]) rmSync(folder, { recursive: true, force: true });
  });

  it('has its setting asked for with all others', async () => {
    const { code, printed } = await failingStart({ PLUGINS_DIR: plugins, PORT: 'none' });
    expect(code).to.equal(78);
    expect(printed).to.contain('- SHELF_DIR: is required; it names the folder with the files.');
    expect(printed).to.contain('- PORT: ');
  });

  it('answers by its route, as JSON and as a Problem with its code', async () => {
    const found = await client.api('GET', '/v1/shelf/letter.txt');
    expect(found).to.deep.include({ status: 200, json: { file: 'letter.txt', bytes: 8 } });
    const missing = await client.api('GET', '/v1/creators/me/shelf/none.mp4');
    expect(missing.status).to.equal(404);
    expect(missing.headers.get('content-type')).to.contain('application/problem+json');
    expect(missing.json).to.include({
      code: 'not_found',
      detail: 'There is no such file on the shelf.',
    });
    const stranger = await fetch(`${app.url}/v1/shelf/letter.txt`);
    expect(stranger.status).to.equal(401);
  });

  it('runs its chore', async () => {
    await app.db.raw(`select graphile_worker.add_job('shelf.count')`);
    await app.untilPrinted('"event":"shelf.counted","files":2');
  });

  it('has a post made from its source, and its words shown', async () => {
    const file = { source: 'shelf', file: 'holiday.mp4' };
    const { status, json } = await client.api('POST', '/v1/jobs', client.job('', { video: file }));
    expect(status).to.equal(202);
    const ended = await client.ended(json['id']);
    expect(ended['status'], JSON.stringify(ended['error'])).to.equal('finished');
    const post = app.sandbox.state.publishes.find(
      ({ publish_id }) => publish_id === ended['publish_id'],
    );
    const { length } = await video();
    expect(post).to.include({ status: 'PUBLISH_COMPLETE', received_bytes: length });
    // Its subscriber is told of the end, once for this post.
    const told = `"event":"shelf.posted","job_id":"${json['id']}"`;
    await app.untilPrinted(told);
    expect(app.output().split(told)).to.have.lengthOf(2);
    const { text } = await client.page(`/jobs/${json['id']}`);
    expect(text).to.contain('<bdi>holiday.mp4, from the shelf</bdi>');
    const { text: document } = await client.api('GET', '/openapi.json');
    expect(document).to.contain('A file of the shelf.');
    expect(document).to.contain('/v1/shelf/{file}');
  });

  it('fails a post with the Problem of its source, or with what the file is, until it is there', async () => {
    const post = async (file: string) => {
      const body = client.job('', { video: { source: 'shelf', file } });
      const { status, json } = await client.api('POST', '/v1/jobs', body);
      return status === 202 ? client.ended(json['id']) : json;
    };
    expect(await post('../holiday.mp4')).to.include({ code: 'invalid_request' });
    expect((await post('letter.txt'))['error']).to.include({ code: 'media_rejected' });
    const failed = await post('later.mp4');
    expect(failed['error']).to.include({
      code: 'fetch_failed',
      message: 'There is no file later.mp4 on the shelf.',
    });
    writeFileSync(join(shelf, 'later.mp4'), await video());
    await client.api('POST', `/v1/jobs/${failed['id']}/retry`);
    expect((await client.ended(failed['id']))['status']).to.equal('finished');
  });

  it('fulfils the contract of plugins', async () => {
    const script = join(ROOT, 'scripts/test-plugin.ts');
    const { stdout } = await run(process.execPath, [script, join(plugins, 'shelf')]);
    expect(stdout)
      .to.match(/4 passing/)
      .and.not.contain('failing');
  });

  it('checks its types by the tsconfig of the documentation', async () => {
    const config = readExample('tsconfig').replaceAll('/opt/pm3k', ROOT);
    writeFileSync(join(plugins, 'tsconfig.json'), config);
    writeFileSync(join(plugins, 'package.json'), '{"type": "module"}');
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    const check = () =>
      run(process.execPath, [tsc, '--noEmit', '-p', plugins]).then(
        () => '',
        ({ stdout }) => stdout,
      );
    expect(await check()).to.equal('');
    mkdirSync(join(plugins, '_wrong'));
    const wrong =
      "import type { Manifest } from '#plugin';\nexport default {} satisfies Manifest;\n";
    writeFileSync(join(plugins, '_wrong/plugin.ts'), wrong);
    expect(await check())
      .to.contain('_wrong/plugin.ts(2,')
      .and.contain('Manifest');
  });
});
