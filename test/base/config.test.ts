import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ConfigFaults, readConfig } from '../../src/base/config.ts';
import { end, freePort, spawnAppliance } from '../support/appliance.ts';

const GOOD = { TIKTOK_CLIENT_KEY: 'key', TIKTOK_CLIENT_SECRET: 'secret' };

function faultsOf(environment: Record<string, string>): string {
  try {
    readConfig(environment);
    return '';
  } catch (error) {
    expect(error).to.be.instanceOf(ConfigFaults);
    return (error as Error).message;
  }
}

describe('the configuration', () => {
  it('reports all faults at once, in sentences', () => {
    const faults = faultsOf({
      PORT: 'http',
      PUBLIC_URL: 'ftp://x',
      LOG_LEVEL: 'loud',
      DATABASE_URL: 'mysql://x',
    });
    for (const name of ['PORT', 'PUBLIC_URL', 'LOG_LEVEL', 'DATABASE_URL'])
      expect(faults).to.contain(`${name}:`);
  });

  it('names what is wrong with an address, a folder, and half an operator', () => {
    const faults = faultsOf({
      ...GOOD,
      PUBLIC_URL: 'https://x.example/base',
      PLUGINS_DIR: '/there/is/no/such/folder',
      SOURCE_URL: 'git.x.example/pm3k',
      ADMIN_EMAIL: 'ada@x.example',
      ADMIN_PASSWORD: 'short',
    });
    expect(faults).to.contain('PUBLIC_URL: must have no path');
    expect(faults).to.contain('PLUGINS_DIR: Expected a folder that exists');
    expect(faults).to.contain('SOURCE_URL: Expected an http or https URL');
    expect(faults).to.contain('ADMIN_PASSWORD:').and.not.to.contain('ADMIN_EMAIL');
  });

  it('needs to know the bucket, and takes its secret from a file', () => {
    const faults = faultsOf({ ...GOOD, STORAGE: 's3' });
    for (const name of ['ENDPOINT', 'BUCKET', 'ACCESS_KEY_ID', 'SECRET_ACCESS_KEY'])
      expect(faults).to.contain(`S3_${name}: is required with STORAGE=s3.`);
    expect(faultsOf({ ...GOOD, STORAGE: 'ftp' })).to.contain('STORAGE:');
    const bucket = { STORAGE: 's3', S3_BUCKET: 'media', S3_ACCESS_KEY_ID: 'id' };
    const place = { S3_ENDPOINT: 'https://s3.example', S3_SECRET_ACCESS_KEY: 'secret' };
    for (const S3Bucket of ['Media', 'a', 'a/b', '-a-'])
      expect(faultsOf({ ...GOOD, ...bucket, ...place, S3_BUCKET: S3Bucket }), S3Bucket).to.contain(
        'S3_BUCKET:',
      );
    const { S3_SECRET_ACCESS_KEY: secret, ...rest } = place;
    const path = join(mkdtempSync(join(tmpdir(), 'pm3k-secret-')), 'secret');
    writeFileSync(path, `${secret}\n`);
    const config = readConfig({ ...GOOD, ...bucket, ...rest, S3_SECRET_ACCESS_KEY_FILE: path });
    expect(config).to.include({ S3_SECRET_ACCESS_KEY: 'secret', S3_FORCE_PATH_STYLE: true });
  });

  it('needs what a public instance needs', () => {
    const faults = faultsOf({
      PUBLIC_URL: 'https://posts.example',
      DATABASE_URL: 'postgres://x/y',
    });
    for (const name of [
      'APP_SECRET',
      'TIKTOK_CLIENT_KEY',
      'TIKTOK_CLIENT_SECRET',
      'OPERATOR_NAME',
      'OPERATOR_EMAIL',
    ]) {
      expect(faults).to.contain(`${name}:`);
    }
    expect(faultsOf({ ...GOOD, ROLE: 'worker' })).to.contain('ROLE:');
    expect(faultsOf({ ...GOOD, APP_SECRET: 'short' })).to.contain('32 or more bytes');
  });

  it('has the defaults of the contract', () => {
    const config = readConfig(GOOD);
    expect(config).to.include({
      PORT: 3000,
      HOST: '0.0.0.0',
      PUBLIC_URL: 'http://localhost:3000',
      SIGN_UP: 'open',
      ROLE: 'all',
      DEFAULT_PLAN: 'paid',
      FETCH_TIMEOUT_SECONDS: 30,
      FETCH_ALLOW_PRIVATE_NETWORKS: false,
    });
    expect(config.plans.free).to.deep.equal({
      keyDays: 7,
      mediaDays: 3,
      uploadBytes: 100_000_000,
      horizonDays: 3,
      verifiedUrls: true,
    });
    const closed = readConfig({ ...GOOD, PLAN_TRIAL_VERIFIED_URLS: 'false' });
    expect(closed.plans.trial.verifiedUrls).to.equal(false);
    expect(closed.plans.paid.verifiedUrls).to.equal(true);
    for (const fault of [
      { PLAN_FREE_VERIFIED_URLS: 'yes' },
      { FETCH_ALLOW_PRIVATE_NETWORKS: '1' },
      { FETCH_TIMEOUT_SECONDS: '0' },
    ])
      expect(faultsOf({ ...GOOD, ...fault })).to.contain(`${Object.keys(fault)[0]}:`);
    expect(
      readConfig({
        ...GOOD,
        PUBLIC_URL: 'https://x.example/',
        OPERATOR_NAME: 'X',
        OPERATOR_EMAIL: 'x@x.example',
      }),
    ).to.include({ SIGN_UP: 'invite', PUBLIC_URL: 'https://x.example' });
  });

  it('reads any variable from the file that NAME_FILE names, and refuses both', () => {
    const path = join(mkdtempSync(join(tmpdir(), 'pm3k-config-')), 'secret');
    writeFileSync(path, 'from a file\n');
    expect(
      readConfig({ TIKTOK_CLIENT_KEY: 'key', TIKTOK_CLIENT_SECRET_FILE: path })
        .TIKTOK_CLIENT_SECRET,
    ).to.equal('from a file');
    expect(faultsOf({ ...GOOD, TIKTOK_CLIENT_SECRET_FILE: path })).to.contain('given twice');
    expect(
      faultsOf({ TIKTOK_CLIENT_KEY: 'key', TIKTOK_CLIENT_SECRET_FILE: '/nowhere' }),
    ).to.contain('TIKTOK_CLIENT_SECRET_FILE:');
  });

  it('ends the process with 78 and the faults when it is wrong', async () => {
    let printed = '';
    const child = spawnAppliance({ PORT: String(await freePort()), LOG_LEVEL: 'loud' }, (text) => {
      printed += text;
    });
    const code = await new Promise((done) => child.once('exit', done));
    await end(child, 'SIGKILL');
    expect(code).to.equal(78);
    expect(printed).to.contain('LOG_LEVEL:').and.to.contain('TIKTOK_CLIENT_KEY:');
  });
});
