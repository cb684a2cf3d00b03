// Expects an answer to be a problem: its status, its code, its form, and where the fault is.
import { expect } from 'chai';
import type { Json } from './appliance.ts';

export interface Answer {
  status: number;
  json: Json;
}

export function expectProblem(
  answer: Answer,
  { status, code, pointer }: { status: number; code: string; pointer?: string | undefined },
): void {
  expect(answer.json['code'], JSON.stringify(answer.json)).to.equal(code);
  expect(answer.status).to.equal(status);
  expect(answer.json).to.include.keys('type', 'title', 'status', 'detail', 'request_id');
  if (pointer === undefined) return;
  expect(answer.json['errors'].map((each: Json) => each['pointer'])).to.include(pointer);
}
