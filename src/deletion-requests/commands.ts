// The commands of operators on a deletion request; each is one transaction with a line in the log.
import type { Knex } from 'knex';
import { isUuid } from '../base/database.ts';
import { invalid, Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import { lockIfStaying } from '../creators/leaving.ts';
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

export interface Command {
  requestId: string;
  operator: Operator;
  /** The version of the request that the operator's page showed; null from scripts. */
  version: number | null;
}

export async function enterRequest(
  ctx: Context,
  operator: Operator,
  words: Words,
): Promise<DeletionRequest> {
  return ctx.db.transaction(async (trx) => {
    const request = await insertRequest(trx, words);
    await recordCommand(trx, { operator }, { request, name: 'entered' });
    return request;
  });
}

/** Sets the account, or unsets it with an empty id. A change voids what was asked and proved. */
export async function chooseCreator(
  ctx: Context,
  command: Command,
  creatorId: string,
): Promise<void> {
  await ctx.db.transaction(async (trx) => {
    // Locks the account before the request, as a deletion does, so that the two cannot deadlock.
    if (creatorId) await assertChoosable(trx, creatorId);
    const request = await lockFor(trx, command, UNDECIDED);
    const chosen = creatorId || null;
    if (request.creator_id === chosen) return;
    await changeRequest(trx, request.id, { ...NO_PROOF, creator_id: chosen, state: 'received' });
    if (request.state !== 'received')
      await recordCommand(trx, command, { request, name: 'proof_voided' });
    await recordCommand(trx, command, {
      request,
      name: chosen ? 'account_chosen' : 'account_unchosen',
    });
  });
}

async function assertChoosable(trx: Knex, creatorId: string): Promise<void> {
  const isThere = isUuid(creatorId) && (await lockIfStaying(trx, creatorId));
  if (!isThere) throw invalid('/creator_id', 'There is no such account.');
}

/**
 * Begins the deletion of the account that was proved, in one transaction with the request.
 * @throws Problem `state_conflict` when the account was not proved or has changed meanwhile.
 */
export async function executeRequest(ctx: Context, command: Command): Promise<void> {
  const { creator_id } = assertExecutable(await getRequest(ctx, command.requestId), command);
  try {
    await requestDeletion(ctx, creator_id, 'request', async (trx, deletion) => {
      const request = assertExecutable(await lockFor(trx, command, ['verified']), command);
      if (request.creator_id !== deletion.creator_id) throw changedMeanwhile();
      await changeRequest(trx, request.id, { state: 'deleting', deletion_id: deletion.id });
      await recordCommand(trx, command, { request, name: 'execution_begun' });
    });
  } catch (error) {
    if (error instanceof Problem && error.code === 'not_found') throw changedMeanwhile();
    throw error;
  }
}

function assertExecutable(
  request: DeletionRequest,
  command: Command,
): DeletionRequest & { creator_id: string } {
  assertVersion(request, command.version);
  assertState(request, ['verified']);
  const { creator_id } = request;
  if (mayExecute(request) && creator_id) return { ...request, creator_id };
  throw new Problem(
    'state_conflict',
    'The proof shows who has the name now, and names change hands. Another operator must confirm it too, or the wait must be over. Nothing was deleted.',
  );
}

function changedMeanwhile(): Problem {
  return new Problem(
    'state_conflict',
    'The account of this request has changed meanwhile. Nothing was deleted. Look at the request again.',
  );
}

export async function refuseRequest(ctx: Context, command: Command, text: string): Promise<void> {
  await ctx.db.transaction(async (trx) => {
    const request = await lockFor(trx, command, UNDECIDED);
    const refusalReason = readReason(text, await listNames(trx, request));
    await closeRequest(trx, request.id, { state: 'refused', refusal_reason: refusalReason });
    await recordCommand(trx, command, { request, name: 'refused' });
  });
}

/** @throws Problem `not_found`. */
export async function getRequest(ctx: Context, id: string): Promise<DeletionRequest> {
  const request = isUuid(id) ? await findRequest(ctx.db, id) : undefined;
  if (!request) throw noRequest();
  return request;
}

/**
 * Reads the request and locks it until the transaction ends.
 * @throws Problem `not_found`, and `state_conflict` for another version or a state not in `allowed`.
 */
export async function lockFor(
  trx: Knex,
  command: Command,
  allowed: State[],
): Promise<DeletionRequest> {
  const request = isUuid(command.requestId) ? await lockRequest(trx, command.requestId) : undefined;
  if (!request) throw noRequest();
  assertVersion(request, command.version);
  assertState(request, allowed);
  return request;
}

interface RecordedCommand {
  request: Pick<DeletionRequest, 'id' | 'number'>;
  name: string;
  /** What the operator saw, or asked the person to do. It is emptied when the request closes. */
  evidence?: string | null;
}

/** Writes a command to the request's own log, and to the audit log without the evidence. */
export async function recordCommand(
  trx: Knex,
  { operator }: Pick<Command, 'operator'>,
  { request, name, evidence = null }: RecordedCommand,
): Promise<void> {
  await logEvent(trx, request.id, { name, operator, evidence });
  const subject = `request ${request.number}`;
  await audit(trx, { operator, act: `deletion_request.${name}`, subject });
}

function noRequest(): Problem {
  return new Problem('not_found', 'There is no such deletion request.');
}
