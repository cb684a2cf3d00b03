// Shows that what comes from outside is parsed, or refused with a pointer to each fault.
import { expect } from 'chai';
import { z } from 'zod';
import { Problem } from '../../src/base/errors.ts';
import { parseWith } from '../../src/http/validate.ts';

const SCHEMA = z.strictObject({
  title: z.string(),
  count: z.coerce.number().optional(),
  photos: z.array(z.object({ 'a/b~c': z.string() })).optional(),
});

function refusalOf(value: unknown): Problem {
  try {
    parseWith(SCHEMA, value, 'body');
  } catch (error) {
    return error as Problem;
  }
  throw new Error('Expected it to be refused');
}

const pointersOf = (value: unknown) => refusalOf(value).extras.errors?.map((each) => each.pointer);

describe('what comes from outside', () => {
  it('is handed on as the schema makes it', () => {
    expect(parseWith(SCHEMA, { title: 'a', count: '5' }, 'form')).to.deep.equal({
      ...{ title: 'a', count: 5 },
    });
  });

  it('is refused with a pointer to each fault', () => {
    expect(pointersOf({ photos: [{ 'a/b~c': 1 }], colour: 'red', sound: 'loud' })).to.have.members([
      ...['/title', '/photos/0/a~1b~0c', '/colour', '/sound'],
    ]);
    const one = refusalOf({});
    expect(one).to.be.instanceOf(Problem);
    expect(one.code).to.equal('invalid_request');
    expect(one.message).to.match(/^The body has a fault: \/title: /);
    expect(refusalOf({ colour: 'red' }).message).to.match(/^The body has 2 faults: /);
    expect(pointersOf('nothing')).to.deep.equal(['']);
  });

  it('holds no NUL and no half of a character, at any depth', () => {
    expect(pointersOf({ title: 'a\0b' })).to.deep.equal(['/title']);
    expect(pointersOf({ title: '\ud83c' })).to.deep.equal(['/title']);
    const photos = [{ 'a/b~c': 'fine' }, { 'a/b~c': '\udf3b' }];
    expect(pointersOf({ title: '🌻', photos })).to.deep.equal(['/photos/1/a~1b~0c']);
  });
});
