// The pages on which operators answer deletion requests that came by email.
import type Router from '@koa/router';
import { databaseNow } from '../base/database-time.ts';
import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import { createOperatorPages, type OperatorPages } from '../operators/pages.ts';
import type { Operator } from '../operators/store.ts';
import type { PageRequest } from '../web/pages.ts';
import {
  type Command,
  chooseCreator,
  enterRequest,
  executeRequest,
  getRequest,
  refuseRequest,
} from './commands.ts';
import { type Faults, readMethod, readText, readVersion, readWords } from './form.ts';
import { askProof, confirmProof } from './proofs.ts';
import { listView, requestView } from './view.ts';

const EVIDENCE_LENGTH = 2_000;
const PATH = '/admin/deletions';

export function addRequestPages(router: Router, ctx: Context): void {
  const pages = createOperatorPages(router, ctx);

  pages.own('get', PATH, (request) => showList(ctx, request, {}));
  pages.own('post', PATH, async (request, operator) => {
    const read = readWords(request.form);
    if ('faults' in read) {
      request.koa.status = 400;
      return showList(ctx, request, read.faults);
    }
    const { id } = await enterRequest(ctx, operator, read.words);
    request.go(`${PATH}/${id}`);
  });
  pages.own('get', `${PATH}/:id`, (request) => showRequest(ctx, request, null));
  addCommands(pages, ctx);
}

function addCommands(pages: OperatorPages, ctx: Context): void {
  command('creator', (given, { form }) =>
    chooseCreator(ctx, given, readText(form, 'creator_id', 100)),
  );
  command('proof', (given, { form }) =>
    askProof(ctx, given, {
      method: readMethod(form),
      description: readText(form, 'description', EVIDENCE_LENGTH),
    }),
  );
  command('verification', (given, { form, signal }) =>
    confirmProof(ctx, given, readText(form, 'note', EVIDENCE_LENGTH), signal),
  );
  command('execution', (given) => executeRequest(ctx, given));
  command('refusal', (given, { form }) =>
    refuseRequest(ctx, given, readText(form, 'reason', 1_000)),
  );

  /** Shows a refusal on the request's own page, with the request as it is now. */
  function command(
    name: string,
    work: (given: Command, request: PageRequest) => Promise<void>,
  ): void {
    pages.own('post', `${PATH}/:id/${name}`, async (request, operator) => {
      try {
        await work(readCommand(request, operator), request);
      } catch (error) {
        if (!(error instanceof Problem && isShownOnPage(error, request))) throw error;
        request.koa.status = error.status;
        return showRequest(ctx, request, { code: error.code, message: error.message });
      }
      request.go(`${PATH}/${request.params['id']}`);
    });
  }
}

function readCommand({ params, form }: PageRequest, operator: Operator): Command {
  return { requestId: params['id'] ?? '', operator, version: readVersion(form) };
}

function isShownOnPage({ code }: Problem, { koa }: PageRequest): boolean {
  const isAboutRequest = code === 'state_conflict' || code === 'invalid_request';
  return isAboutRequest && koa.accepts('html', 'json') === 'html';
}

async function showList(
  ctx: Context,
  { form, render }: PageRequest,
  faults: Faults,
): Promise<void> {
  const today = databaseNow().toISOString().slice(0, 10);
  const typed = (name: string) => (typeof form[name] === 'string' ? form[name] : '');
  const names = ['username', 'profile_url', 'usage', 'details', 'received_at'];
  render('deletion-requests/list', {
    title: 'Deletion requests',
    ...(await listView(ctx)),
    today,
    faults,
    form: Object.fromEntries(names.map((name) => [name, typed(name)])),
  });
}

async function showRequest(
  ctx: Context,
  { params, render }: PageRequest,
  fault: { code: string; message: string } | null,
): Promise<void> {
  const request = await getRequest(ctx, params['id'] ?? '');
  const view = await requestView(ctx, request);
  const title = `Request ${request.number}`;
  render('deletion-requests/show', { title, ...view, path: `${PATH}/${request.id}`, fault });
}
