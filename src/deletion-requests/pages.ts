// The desk: the pages on which operators answer deletion requests that came by email.
import type Router from '@koa/router';
import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import { createAdminPages } from '../operators/pages.ts';
import type { Operator } from '../operators/store.ts';
import type { PageRequest } from '../web/pages.ts';
import {
  type Act,
  chooseCreator,
  enterRequest,
  executeRequest,
  getRequest,
  refuseRequest,
} from './commands.ts';
import { type Faults, readMethod, readText, readVersion, readWords } from './form.ts';
import { askProof, confirmProof } from './proofs.ts';
import { listView, requestView } from './view.ts';

const NOTE_LENGTH = 2_000;
const DESK = '/admin/deletions';

export function addRequestPages(router: Router, ctx: Context): void {
  const pages = createAdminPages(router, ctx);

  pages.own('get', DESK, (request) => showList(ctx, request, {}));
  pages.own('post', DESK, async (request, operator) => {
    const read = readWords(request.form);
    if ('faults' in read) {
      request.koa.status = 400;
      return showList(ctx, request, read.faults);
    }
    const { id } = await enterRequest(ctx, operator, read.words);
    request.go(`${DESK}/${id}`);
  });
  pages.own('get', `${DESK}/:id`, (request) => showRequest(ctx, request, null));

  act('creator', (given, { form }) => chooseCreator(ctx, given, readText(form, 'creator_id', 100)));
  act('proof', (given, { form }) =>
    askProof(ctx, given, {
      method: readMethod(form),
      description: readText(form, 'description', NOTE_LENGTH),
    }),
  );
  act('verification', (given, { form, signal }) =>
    confirmProof(ctx, given, readText(form, 'note', NOTE_LENGTH), signal),
  );
  act('execution', (given) => executeRequest(ctx, given));
  act('refusal', (given, { form }) => refuseRequest(ctx, given, readText(form, 'reason', 1_000)));

  /** What cannot be done is said on the request's own page, as it is now. */
  function act(name: string, work: (given: Act, request: PageRequest) => Promise<void>): void {
    pages.own('post', `${DESK}/:id/${name}`, async (request, operator) => {
      try {
        await work(readAct(request, operator), request);
      } catch (error) {
        const isTold = error instanceof Problem && isOfThePage(error, request);
        if (!isTold) throw error;
        request.koa.status = error.status;
        return showRequest(ctx, request, { code: error.code, message: error.message });
      }
      request.go(`${DESK}/${request.params['id']}`);
    });
  }
}

function readAct({ params, form }: PageRequest, operator: Operator): Act {
  return { requestId: params['id'] ?? '', operator, version: readVersion(form) };
}

function isOfThePage({ code }: Problem, { koa }: PageRequest): boolean {
  const isSaidThere = code === 'state_conflict' || code === 'invalid_request';
  return isSaidThere && koa.accepts('html', 'json') === 'html';
}

async function showList(
  ctx: Context,
  { form, render }: PageRequest,
  faults: Faults,
): Promise<void> {
  const today = new Date().toISOString().slice(0, 10);
  const typed = (name: string) => (typeof form[name] === 'string' ? form[name] : '');
  const names = ['username', 'profile_url', 'usage', 'details', 'received_at'];
  render('admin/deletions/list', {
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
  render('admin/deletions/show', { title, ...view, path: `${DESK}/${request.id}`, fault });
}
