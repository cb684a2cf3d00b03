// Reads the parameters that the router found in the path of a request.
import type { Context as KoaContext } from 'koa';

/**
 * Returns the parameters by name. They are empty outside the router's handlers. @koa/router adds
 * `params` at run time, but Koa's own type does not know it.
 */
export function readParams(koa: KoaContext): Record<string, string> {
  return (koa as unknown as { params?: Record<string, string> }).params ?? {};
}
