import { join } from 'node:path';
import { expect } from 'chai';
import { Eta } from 'eta';
import { z } from 'zod';
import { createDefaultFields, mergedDefaults } from '../../src/account/defaults-form.ts';
import * as format from '../../src/http/format.ts';
import { checkSettings, readSettings } from '../../src/jobs/pages/composer-settings.ts';
import { loadModules } from '../../src/modules.ts';
import { photoBody } from '../../src/tiktok/photo-body.ts';
import type { PostSettingTable } from '../../src/tiktok/post-setting.ts';
import { POST_SETTINGS } from '../../src/tiktok/post-settings.ts';
import {
  createSettingsPatchSchema,
  createSettingsSchema,
} from '../../src/tiktok/settings-schema.ts';
import { groupSwitches } from '../../src/tiktok/switches.ts';
import { directVideoBody } from '../../src/tiktok/video-body.ts';
import { openApi } from '../../src/web/docs.ts';
import { type Json, ROOT } from '../support/appliance.ts';

/** The table with one more row, as a new setting of TikTok's would be added. */
const TABLE = {
  ...POST_SETTINGS,
  allow_echo: {
    schema: z.boolean().default(false).describe('Others may answer with an echo.'),
    kinds: ['video'],
    wireName: 'disable_echo',
    isInverted: true,
    switchedOffBy: 'duet_disabled',
    privateRefusal: 'Nobody could hear the echo.',
    isOfferedAsDefault: true,
    control: {
      group: 'interactions',
      label: 'Allow Echo',
      hint: 'From any valley.',
      shown: { term: 'Others may', words: 'Echo' },
    },
  },
} satisfies PostSettingTable;

const eta = new Eta({ views: join(ROOT, 'templates') });
const modules = await loadModules();
/** As the pages have them. */
const words = Object.assign({}, format, ...modules.map(({ labels }) => labels?.functions));
const render = (template: string, view: object) =>
  eta.render(template, { ...view, words, escapeHtml: eta.config.escapeFunction }) as string;
const PAGE = { title: 'A page', path: '/', creator: { time_zone: 'UTC' }, admin: null };
const OFFERED = {
  can_post: true as const,
  ...{ nickname: 'N', username: 'n', avatar_url: null, max_video_post_duration_sec: 600 },
  privacy_level_options: ['PUBLIC_TO_EVERYONE' as const, 'SELF_ONLY' as const],
  ...{ comment_disabled: false, duet_disabled: false, stitch_disabled: false },
};
const FORM = { destination: 'direct', privacy_level: 'PUBLIC_TO_EVERYONE', allow_echo: 'on' };

describe('a new row in the table of post settings', () => {
  it('is taken by the API, with its default and its description', () => {
    const schema = createSettingsSchema(TABLE);
    expect(schema.parse({}).allow_echo).to.equal(false);
    expect(schema.parse({ allow_echo: true }).allow_echo).to.equal(true);
    const patch = z.toJSONSchema(createSettingsPatchSchema(TABLE)) as Json;
    expect(patch['properties'].allow_echo).to.deep.equal({ type: 'boolean' });
    const whole = z.toJSONSchema(schema) as Json;
    expect(whole['properties'].allow_echo).to.deep.equal({
      ...{ type: 'boolean', default: false, description: 'Others may answer with an echo.' },
    });
    const refused = schema.safeParse({ allow_echo: true, privacy_level: 'SELF_ONLY' });
    expect(refused.error?.issues[0]).to.deep.include({
      ...{ path: ['privacy_level'], message: 'Nobody could hear the echo.' },
    });
  });

  it('goes to TikTok by its name there, with the kind of post that has it', () => {
    const settings = createSettingsSchema(TABLE).parse({ allow_echo: true });
    const plan = { chunk_size: 1, chunk_count: 1 };
    const body = directVideoBody({ title: 'x', settings, size: 1, plan }, TABLE);
    expect(body.post_info).to.include({ disable_echo: false, disable_duet: true });
    const photos = {
      ...{ destination: 'direct' as const, title: 'x', description: '', settings },
      ...{ photo_cover_index: 0, photo_images: ['https://x'] },
    };
    expect(photoBody(photos, TABLE).post_info).not.to.have.property('disable_echo');
  });

  it('is read from the composer’s form, and judged by what TikTok offers', () => {
    expect(readSettings(FORM, 'video', TABLE)).to.include({ allow_echo: true });
    expect(readSettings(FORM, 'photo', TABLE)).not.to.have.property('allow_echo');
    expect(checkSettings(FORM, 'video', OFFERED, TABLE)).to.deep.equal({});
    const off = { ...OFFERED, duet_disabled: true };
    expect(checkSettings(FORM, 'video', off, TABLE)).to.have.all.keys('allow_echo');
  });

  it('is a switch of the composer, and greyed out where TikTok’s app has it off', () => {
    const view = {
      page: PAGE,
      ...{ form: FORM, faults: {}, creator: {}, is_photo: false, is_audited: true },
      ...{
        limits: { caption: 9 },
        media: { facts: { changes: [] }, bytes: 1 },
        limit_prompt: null,
      },
      switches: groupSwitches(({ kinds }) => kinds.includes('video'), TABLE),
    };
    const drawn = render('jobs/new', { ...view, options: OFFERED });
    expect(drawn).to.match(/name="allow_echo" checked> <span>Allow Echo<small>From any valley\./);
    const off = render('jobs/new', { ...view, options: { ...OFFERED, duet_disabled: true } });
    expect(off).to.match(/name="allow_echo" disabled> <span>Allow Echo<small>Switched off/);
  });

  it('can be saved as a posting default, from a switch of the settings page', () => {
    const form = createDefaultFields(TABLE).parse({
      ...{ default_destination: 'direct', default_privacy_level: 'PUBLIC_TO_EVERYONE' },
      default_allow_echo: 'true',
    });
    const saved = mergedDefaults(undefined, form, OFFERED, TABLE);
    expect(saved?.settings).to.deep.include({ allow_echo: true });
    const view = {
      page: PAGE,
      ...{ zones: [], time_zone: '', defaults: null, levels: [], options: OFFERED },
      chosen: { default_allow_echo: true },
      switches: groupSwitches(({ isOfferedAsDefault }) => isOfferedAsDefault, TABLE),
    };
    const drawn = render('creators/settings', view);
    expect(drawn).to.contain('<input type="hidden" name="default_allow_echo" value="false">');
    expect(drawn).to.match(/name="default_allow_echo" value="true" checked> <span>Allow Echo/);
  });

  it('is named on the page of a post that has it', () => {
    const settings = { privacy_level: 'PUBLIC_TO_EVERYONE', allow_echo: true };
    const switches = groupSwitches(({ name }) => name === 'allow_echo', TABLE);
    const drawn = render('jobs/settings', { job: { settings, kind: 'video' }, switches });
    expect(drawn).to.contain('<dt>Others may</dt><dd>Echo</dd>');
  });
});

describe('the table of post settings', () => {
  const names = Object.keys(POST_SETTINGS);

  it('is what the API’s description names, asked and answered', () => {
    const { paths } = openApi(modules, 'http://localhost') as Json;
    const { post } = paths['/v1/jobs'];
    const asked = post.requestBody.content['application/json'].schema.properties.settings;
    const answered = post.responses[202].content['application/json'].schema.properties.settings;
    expect(Object.keys(asked.properties)).to.deep.equal(names);
    expect(Object.keys(answered.properties)).to.deep.equal(names);
  });

  it('is what a posting default may be', () => {
    const fields = Object.keys(createDefaultFields(POST_SETTINGS).shape);
    const expected = ['default_destination', ...names.map((name) => `default_${name}`)];
    expect(fields).to.deep.equal(expected);
  });
});
