// What operators do about a deletion request: each act is one transaction with its line in the log.
import type { Knex } from 'knex';
import { isUuid } from '../base/database.ts';
import { invalid, Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import { lockIfStaying } from '../creators/store.ts';
import { requestDeletion } from '../deletion/request.ts';
import { audit, type Operator } from '../operators/store.ts';
import { listNames } from './account.ts';
import { closeRequest } from './close.ts';
import { assertState, assertVersion, mayExecute, readReason, UNDECIDED } from './rules.ts';
import {
  changeRequest,
  type DeletionRequest,
  findRequest,
  insertRequest,
  lockRequest,
  logEvent,
  NO_PROOF,
  type State,
  type Words,
} from './store.ts';

export interface Act {
  requestId: string;
  operator: Operator;
  /** Of the page the operator looks at; null from scripts. */
  version: number | null;
}

export async function enterRequest(
  ctx: Context,
  operator: Operator,
  words: Words,
): Promise<DeletionRequest> {
  return ctx.db.transaction(async (trx) => {
    const request = await insertRequest(trx, words);
    await logAct(trx, request, operator, 'entered');
    return request;
  });
}

/** An operator chooses by hand. Another account voids whatever was proved about the one before. */
export async function chooseCreator(ctx: Context, act: Act, creatorId: string): Promise<void> {
  await ctx.db.transaction(async (trx) => {
    // The account before the request, in the order in which a deletion takes them.
    if (creatorId) await assertChoosable(trx, creatorId);
    const request = await lockFor(trx, act, UNDECIDED);
    const chosen = creatorId || null;
    if (request.creator_id === chosen) return;
    await changeRequest(trx, request.id, { ...NO_PROOF, creator_id: chosen, state: 'received' });
    if (request.state !== 'received') await logAct(trx, request, act.operator, 'proof_voided');
    await logAct(trx, request, act.operator, chosen ? 'account_chosen' : 'account_unchosen');
  });
}

async function assertChoosable(trx: Knex, creatorId: string): Promise<void> {
  const isThere = isUuid(creatorId) && (await lockIfStaying(trx, creatorId));
  if (!isThere) throw invalid('/creator_id', 'There is no such account.');
}

/** Begins the deletion, of the account that was proved and no other, all or nothing. */
export async function executeRequest(ctx: Context, act: Act): Promise<void> {
  const { creator_id } = assertExecutable(await getRequest(ctx, act.requestId), act);
  try {
    await requestDeletion(ctx, creator_id, 'request', async (trx, deletion) => {
      const request = assertExecutable(await lockFor(trx, act, ['verified']), act);
      if (request.creator_id !== deletion.creator_id) throw changedMeanwhile();
      await changeRequest(trx, request.id, { state: 'deleting', deletion_id: deletion.id });
      await logAct(trx, request, act.operator, 'execution_begun');
    });
  } catch (error) {
    if (error instanceof Problem && error.code === 'not_found') throw changedMeanwhile();
    throw error;
  }
}

function assertExecutable(
  request: DeletionRequest,
  act: Act,
): DeletionRequest & { creator_id: string } {
  assertVersion(request, act.version);
  assertState(request, ['verified']);
  const { creator_id } = request;
  if (mayExecute(request) && creator_id) return { ...request, creator_id };
  throw new Problem(
    'state_conflict',
    'What was proved is a name, and names change hands. Another operator must confirm it too, or the wait must be over. Nothing was deleted.',
  );
}

function changedMeanwhile(): Problem {
  return new Problem(
    'state_conflict',
    'The account of this request changed meanwhile. Nothing was begun; look at it again.',
  );
}

export async function refuseRequest(ctx: Context, act: Act, text: string): Promise<void> {
  await ctx.db.transaction(async (trx) => {
    const request = await lockFor(trx, act, UNDECIDED);
    const refusalReason = readReason(text, await listNames(trx, request));
    await closeRequest(trx, request.id, { state: 'refused', refusal_reason: refusalReason });
    await logAct(trx, request, act.operator, 'refused');
  });
}

export async function getRequest(ctx: Context, id: string): Promise<DeletionRequest> {
  const request = isUuid(id) ? await findRequest(ctx.db, id) : undefined;
  if (!request) throw noRequest();
  return request;
}

/** The request as it is now, kept for this transaction; throws `not_found` or `state_conflict`. */
export async function lockFor(trx: Knex, act: Act, allowed: State[]): Promise<DeletionRequest> {
  const request = isUuid(act.requestId) ? await lockRequest(trx, act.requestId) : undefined;
  if (!request) throw noRequest();
  assertVersion(request, act.version);
  assertState(request, allowed);
  return request;
}

/** Into the request's own log, and into the log of everything that operators do. */
export async function logAct(
  trx: Knex,
  request: Pick<DeletionRequest, 'id' | 'number'>,
  operator: Operator,
  name: string,
  note: string | null = null,
): Promise<void> {
  await logEvent(trx, request.id, { name, operator, note });
  await audit(trx, operator, `deletion_request.${name}`, `request ${request.number}`);
}

function noRequest(): Problem {
  return new Problem('not_found', 'There is no such deletion request.');
}
