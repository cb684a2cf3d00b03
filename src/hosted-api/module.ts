// The manifest of the hosted service's API: its calls, with errors in that service's form.
import type { Manifest } from '../context/context.ts';
import type { ProblemBody } from '../http/error-handler.ts';
import { hostedProblem, hostedRoutes, ROOT } from './api.ts';

const PATHS = new Set(hostedRoutes.map(({ path }) => ROOT + path));

export const hosted: Manifest = {
  name: 'hosted',
  api: hostedRoutes,
  routes(router) {
    // Requests that no route takes get the same form of error, since a program reads every body.
    router.all(`${ROOT}/{*rest}`, async (koa, next) => {
      koa.state['problem_body'] = hostedProblem satisfies ProblemBody;
      await next();
      if (koa.status !== 404 || koa.body || !PATHS.has(koa.path)) return;
      koa.set('Allow', 'POST');
      koa.status = 405;
    });
  },
  personalData: { nothing: 'Its posts are jobs like all others, which are declared there.' },
};
