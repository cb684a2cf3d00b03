import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { type Client, ROOT } from '../../support/appliance.ts';
import { type SharedAppliance, sharedAppliance } from '../../support/shared-appliance.ts';
import { paddedVideo } from '../../support/videos.ts';

describe('the README’s recipe for large files', () => {
  let app: SharedAppliance;
  let client: Client;
  before(async () => {
    app = await sharedAppliance();
    client = await app.creator('recipe');
  });

  const recipe =
    /```sh\n(TUS=.*?)```/s.exec(readFileSync(join(ROOT, 'README.md'), 'utf8'))?.[1] ?? '';

  /** In a folder with the video, as somebody types it. */
  async function run(script: string): Promise<string> {
    const cwd = mkdtempSync(join(tmpdir(), 'pm3k-recipe-'));
    writeFileSync(join(cwd, 'video.mp4'), await paddedVideo(3_000_000));
    const env = { PATH: process.env['PATH'] ?? '', PM3K: app.url, KEY: client.key };
    const { stdout } = await promisify(execFile)('bash', ['-euc', script], { cwd, env });
    return stdout;
  }

  it('uploads, whether or not a part of it had arrived', async () => {
    expect(recipe).to.contain('Upload-Length');
    const stored = /^pm3k-storage-key: (\w+)/im;
    const atOnce = stored.exec(await run(recipe))?.[1];
    const { json } = await client.api('GET', `/v1/media/${atOnce}`);
    expect(json['bytes']).to.equal(3_000_000);
    const half = `head -c 1000000 video.mp4 | curl -sS -X PATCH "$PM3K$URL" "\${TUS[@]}" \\
      -H "Upload-Offset: 0" -H "Content-Type: application/offset+octet-stream" --data-binary @-\n`;
    const [begin, send] = recipe.split(/(?=^# Send)/m);
    const afterABreak = stored.exec(await run(begin + half + send))?.[1];
    const { json: again } = await client.api('GET', `/v1/media/${afterABreak}`);
    expect(again['sha256']).to.equal(json['sha256']);
  });
});
