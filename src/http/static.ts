// Serves templates/static and browser files from npm packages, so pages load from no other host.
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import type Router from '@koa/router';
import send from 'koa-send';
import { Problem } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import { readParams } from './read-params.ts';

const OWN = join(import.meta.dirname, '../../templates/static');
const require = createRequire(import.meta.url);

/** Name in the URL → file of an npm package. */
const FROM_NPM: Record<string, string> = {
  'htmx.min.js': require.resolve('htmx.org/dist/htmx.min.js'),
  'tus.min.js': require.resolve('tus-js-client/dist/tus.min.js'),
  'swagger-ui.css': require.resolve('swagger-ui-dist/swagger-ui.css'),
  'swagger-ui-bundle.js': require.resolve('swagger-ui-dist/swagger-ui-bundle.js'),
};

/** Adds the route; browsers keep a file for five minutes. */
export function addStatic(router: Router, _ctx: Context): void {
  router.get('/static/:name', async (koa) => {
    const { name = '' } = readParams(koa);
    if (!/^[\w-]+(\.[\w-]+)*$/.test(name)) throw new Problem('not_found', 'There is no such file.');
    const shipped = FROM_NPM[name];
    koa.set('Cache-Control', 'public, max-age=300');
    if (shipped) await send(koa, basename(shipped), { root: dirname(shipped) });
    else await send(koa, name, { root: OWN });
  });
}
