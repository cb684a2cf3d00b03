// The manifest of the hosted service's API: its calls, and errors in its form.
import type { Manifest } from '../plugin.ts';
import { addApiRoutes } from '../web/api.ts';
import type { ProblemBody } from '../web/problems.ts';
import { hostedProblem, hostedRoutes, ROOT } from './api.ts';

export const hosted: Manifest = {
  name: 'hosted',
  api: hostedRoutes,
  routes(router, ctx) {
    router.use(ROOT, async (koa, next) => {
      koa.state['problem_body'] = hostedProblem satisfies ProblemBody;
      await next();
    });
    addApiRoutes(router, ctx, hostedRoutes);
  },
  personal_data: { nothing: 'Its posts are jobs like all others, which are declared there.' },
};
