// Shows what an upload is recognised as before it is accepted.
import { expect } from 'chai';
import media from '../../../plugins/media/plugin.ts';
import { AAC, CONFORMING, H264, type Trait, videoFile } from '../../support/videos.ts';
import { rejection } from './step-context.ts';

const inspect = (path: string) => media.inspect(path, { signal: new AbortController().signal });

describe('the look at an upload', () => {
  const kinds: [string, Trait, string, string][] = [
    ['MP4', {}, 'video/mp4', '.mp4'],
    ['MOV', { extension: 'mov' }, 'video/quicktime', '.mov'],
    ['3GP', { extension: '3gp', options: [...H264, ...AAC] }, 'video/3gpp', '.3gp'],
    ['Matroska', { extension: 'mkv', options: [...H264, ...AAC] }, 'video/x-matroska', '.matroska'],
    [
      'WebM',
      { extension: 'webm', options: ['-c:v', 'libvpx', '-c:a', 'libvorbis', '-ac', '2'] },
      'video/webm',
      '.webm',
    ],
  ];
  for (const [name, trait, contentType, extension] of kinds) {
    it(`knows ${name} by what it is`, async () => {
      expect(await inspect(await videoFile(trait))).to.include({
        content_type: contentType,
        extension,
      });
    });
  }

  it('tells size, length and pace, and what will be changed', async () => {
    const { facts } = await inspect(await videoFile({ rate: '120', seconds: 2 }));
    expect(facts).to.deep.include({ kind: 'video', width: 360, height: 640, duration_ms: 2_000 });
    expect(facts.fps).to.be.closeTo(120, 0.1);
    expect(facts.changes).to.deep.equal([
      'TikTok takes at most 60 frames a second; yours had 120, so we converted it to 60.',
    ]);
  });

  it('foretells a refusal with its reason', async () => {
    const { facts } = await inspect(await videoFile({ seconds: 0.4 }));
    expect(facts.changes).to.deep.equal([
      'It cannot be posted: The video is 0.4 seconds long; TikTok takes at least 1 second.',
    ]);
  });

  it('refuses sound alone', async () => {
    const path = await videoFile({ extension: 'm4a', options: ['-vn', ...AAC] });
    expect((await rejection(inspect(path))).extras.rule).to.equal('is_video');
  });

  it('stops at once when told to', async () => {
    const stop = AbortSignal.abort(new Error('stopped'));
    const work = media.inspect(await videoFile({ options: CONFORMING }), { signal: stop });
    expect(await work.catch((error) => error.message)).to.equal('stopped');
  });
});
