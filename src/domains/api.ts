// The JSON API of domains.
import { z } from 'zod';
import { limitVerifications } from '../access/rate-limits.ts';
import { judgeHost } from '../safe-fetch/urls.ts';
import { type ApiRoute, apiRoute } from '../web/api.ts';
import { assertPlanHasUrls } from './sources.ts';
import { addDomain, type Domain, getDomain, listDomains, removeDomain } from './store.ts';
import { VERIFICATION_FILE, verifyDomain } from './verify.ts';

const domainSchema = z.strictObject({
  id: z.string(),
  host: z.string(),
  file: z.literal(VERIFICATION_FILE).describe('Where the host must serve the token.'),
  token: z.string().describe('The only content that the file may hold.'),
  verified_at: z.iso.datetime().nullable().describe('Null while the domain cannot be used.'),
  error: z
    .strictObject({ code: z.string(), message: z.string() })
    .nullable()
    .describe('What was wrong with the file when it was last checked.'),
});
const newDomainSchema = z.strictObject({
  host: z.string().min(1).max(300).describe('The host alone: no scheme, no port, no path.'),
});
const domainAnswer = { description: 'The domain', schema: domainSchema };

export const domainRoutes: ApiRoute[] = [
  apiRoute({
    method: 'post',
    path: '/domains',
    summary: 'Add a domain for posts from URLs; returns the token that its server must serve.',
    body: newDomainSchema,
    answers: {
      201: domainAnswer,
      200: { description: 'The domain, which existed already', schema: domainSchema },
    },
    async handle(ctx, { creator, body }) {
      assertPlanHasUrls(ctx, creator);
      const host = judgeHost(body.host, ctx.safeFetch.policy);
      const { domain, isNew } = await addDomain(ctx.db, creator.id, host);
      return { status: isNew ? 201 : 200, body: domainView(domain) };
    },
  }),
  apiRoute({
    method: 'get',
    path: '/domains',
    summary: 'List domains, newest first.',
    answers: {
      200: {
        description: 'Domains',
        schema: z.strictObject({
          data: z.array(domainSchema),
          next_cursor: z.string().nullable(),
        }),
      },
    },
    async handle(ctx, { creator }) {
      const domains = await listDomains(ctx.db, creator.id);
      return { status: 200, body: { data: domains.map(domainView), next_cursor: null } };
    },
  }),
  apiRoute({
    method: 'post',
    path: '/domains/{id}/verification',
    summary: 'Check the file now; the answer says what is wrong with it.',
    answers: { 200: domainAnswer },
    async handle(ctx, { creator, params, signal }) {
      assertPlanHasUrls(ctx, creator);
      const domain = await getDomain(ctx.db, creator.id, params['id'] ?? '');
      await limitVerifications(ctx, creator.id);
      return { status: 200, body: domainView(await verifyDomain(ctx, domain, signal)) };
    },
  }),
  apiRoute({
    method: 'delete',
    path: '/domains/{id}',
    summary: 'Remove a domain; posts whose file has been fetched continue.',
    answers: { 204: 'Removed' },
    async handle(ctx, { creator, params }) {
      await removeDomain(ctx.db, creator.id, params['id'] ?? '');
      return { status: 204 };
    },
  }),
];

function domainView({ id, host, token, verified_at, fault }: Domain) {
  return {
    id,
    host,
    file: VERIFICATION_FILE,
    token,
    verified_at: verified_at?.toISOString() ?? null,
    error: fault && { code: fault.code, message: fault.message },
  };
}
