import { expect } from 'chai';
import { openDatabase } from '../../src/base/database.ts';
import { createLog } from '../../src/base/log.ts';
import { freshDatabase } from '../support/database.ts';

describe('the log', () => {
  it('holds nothing that a statement held, whatever the database says about it', async () => {
    const db = openDatabase((await freshDatabase()).connection);
    let line = '';
    const write = (text: string) => {
      line += text;
    };
    const log = createLog('info', { write });
    await db
      .raw('select ?::uuid', ['CANARY-caption'])
      .catch((err: unknown) => log.warn({ event: 'fault', err }));
    await db.destroy();
    expect(line).to.contain('"event":"fault"').and.to.contain('22P02');
    expect(line).not.to.contain('CANARY');
  });
});
