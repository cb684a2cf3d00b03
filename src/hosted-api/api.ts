// The two calls of the hosted service, so that its flows run here with another base URL and key.
import type { Knex } from 'knex';
import { z } from 'zod';
import { once } from '../access/idempotency.ts';
import { type ErrorCode, Problem, withRule } from '../base/errors.ts';
import type { Context } from '../context/context.ts';
import { findPostingDefaults } from '../creators/posting-defaults.ts';
import type { Creator } from '../creators/store.ts';
import { acceptJob } from '../jobs/accept/accept.ts';
import { createDefaultsMissing } from '../jobs/accept/choose-settings.ts';
import type { Job, JobError } from '../jobs/job.ts';
import { newJobSchema } from '../jobs/schema.ts';
import { STATUSES, toStatus } from '../jobs/states.ts';
import { getJob } from '../jobs/store.ts';
import { waitForJob } from '../jobs/wait.ts';
import { type ApiRoute, apiRoute } from '../web/api.ts';

export const ROOT = '/api/tiktok';
// The answer waits so long for the check of the media, so that it can report their faults.
const WAIT_MS = 20_000;
const HEADERS = { 'Content-Type': 'application/json; charset=UTF-8' };

/** Our code → the hosted service's name for it, if the two differ. */
const HOSTED_NAMES: Partial<Record<ErrorCode, string>> = {
  fetch_failed: 'fetch_error',
  tiktok_refused: 'tiktok_error',
};

/** Returns the hosted service's name of an error code. */
export function hostedName(code: ErrorCode): string {
  return HOSTED_NAMES[code] ?? code;
}

/** Returns the body of an error in the hosted service's form. */
export function hostedProblem({ code, message, extras }: Problem): Record<string, unknown> {
  const { retry_at, job_id } = extras;
  return {
    ok: false,
    error: hostedName(code),
    message: withRule({ message, rule: extras.rule }),
    ...(retry_at ? { retry_at: retry_at.toISOString() } : {}),
    ...(job_id ? { publish_id: job_id } : {}),
  };
}

const { title, allow_duplicate, on_limit } = newJobSchema.shape;
const directPostSchema = z.strictObject({
  source_url: z
    .string()
    .min(1)
    .max(2048)
    .describe('The `url` of an upload, or an https URL on a verified domain.'),
  title,
  allow_duplicate,
  on_limit,
});
const statusSchema = z.strictObject({ publish_id: z.string().min(1).max(100) });

const posted = z.strictObject({
  ok: z.literal(true),
  publish_id: z.string().describe('Our id of the post, for `status`.'),
  status: z.enum(STATUSES),
});
const postStatus = z.strictObject({
  ...posted.shape,
  error: z.string().nullable(),
  message: z.string().optional().describe('What the error means, in words.'),
  post_ids: z.array(z.string()),
});

const problem = z.strictObject({
  ok: z.literal(false),
  error: z.string(),
  message: z.string(),
  retry_at: z.iso.datetime().optional(),
  publish_id: z
    .string()
    .optional()
    .describe('With `duplicate_media`: the post that used this media first.'),
});

export const hostedRoutes: ApiRoute[] = [
  apiRoute({
    method: 'post',
    root: ROOT,
    path: '/direct_post',
    summary: 'Post the file at a URL, with the saved posting defaults.',
    body: directPostSchema,
    problem,
    headers: { 'Idempotency-Key': 'The same key and body make one post, for 24 hours.' },
    answers: { 200: { description: 'The post is accepted and its media checked', schema: posted } },
    async handle(ctx, { creator, body, koa, signal }) {
      const accept = async (trx: Knex) => {
        const job = await acceptByDefaults(ctx, trx, creator, body);
        return { status: 200, location: null, body: job.id };
      };
      const key = koa.headers['idempotency-key'];
      const request = `POST ${ROOT}/direct_post\n${JSON.stringify(body)}`;
      const accepted =
        key === undefined
          ? await ctx.db.transaction(accept)
          : (await once(ctx, { creatorId: creator.id, key: String(key), request }, accept)).answer;
      const wanted = { creator_id: creator.id, id: accepted.body };
      const job = await waitForJob(ctx, wanted, { isReached: isChecked, ms: WAIT_MS, signal });
      if (job.state === 'failed' && job.error) throw toProblem(job.error);
      const answer = { ok: true, publish_id: job.id, status: toStatus(job) };
      return { status: 200, body: answer, headers: HEADERS };
    },
  }),
  apiRoute({
    method: 'post',
    root: ROOT,
    path: '/status',
    summary: 'The status of a post that `direct_post` made.',
    body: statusSchema,
    problem,
    answers: { 200: { description: 'The status', schema: postStatus } },
    async handle(ctx, { creator, body }) {
      const job = await getJob(ctx.db, creator.id, body.publish_id);
      const answer = {
        ok: true,
        publish_id: job.id,
        status: toStatus(job),
        error: job.error ? hostedName(job.error.code) : null,
        ...(job.error ? { message: withRule(job.error) } : {}),
        post_ids: job.post_ids,
      };
      return { status: 200, body: answer, headers: HEADERS };
    },
  }),
];

async function acceptByDefaults(
  ctx: Context,
  trx: Knex,
  creator: Creator,
  { source_url: url, ...body }: z.output<typeof directPostSchema>,
): Promise<Job> {
  const defaults = await findPostingDefaults(trx, creator.id);
  if (!defaults) throw createDefaultsMissing();
  const request = { ...body, mode: 'now' as const, video: { source: 'url' as const, url } };
  const { declaration } = defaults;
  const consent = { given_through: 'api' as const, declaration };
  return acceptJob(ctx, trx, { creator, request, consent });
}

/** Returns true once the media of the job are fetched and checked. */
function isChecked({ state }: Job): boolean {
  return state !== 'accepted' && state !== 'fetched';
}

function toProblem({ code, message, job_id, rule }: JobError): Problem {
  return new Problem(code, message, { ...(job_id ? { job_id } : {}), ...(rule ? { rule } : {}) });
}
