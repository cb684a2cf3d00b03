// The routes of jobs in the JSON API.
import type { Knex } from 'knex';
import { once } from '../access/idempotency.ts';
import { type ApiRoute, apiRoute } from '../web/api.ts';
import { cutPage, parseCursor } from '../web/cursor.ts';
import { acceptJob } from './accept/accept.ts';
import { changeJob } from './accept/change.ts';
import { cancelJob, isWorking, resolveJob, retryJob } from './commands.ts';
import { type JobFilter, listJobs } from './list-store.ts';
import {
  createJobSchema,
  jobListSchema,
  jobPatchSchema,
  resolutionSchema,
  waitSchema,
} from './schema.ts';
import { getJob, listEvents } from './store.ts';
import { eventsAnswer, eventView, jobListAnswer, jobSchema, jobView } from './view.ts';
import { waitForJob } from './wait.ts';

/** The form of a job's id in a cursor. */
export const JOB_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A request by key is the creator's consent to exactly its settings. */
export const BY_KEY = {
  given_through: 'api' as const,
  declaration: 'Request with an API key: consent to exactly these settings.',
};

export const jobRoutes: ApiRoute[] = [
  apiRoute({
    method: 'post',
    path: '/jobs',
    summary: 'Accept a post, now or at a time. Honours Idempotency-Key for 24 hours.',
    body: createJobSchema,
    headers: {
      'Idempotency-Key':
        'For 24 hours, the same key and body get the first response again, with `Idempotency-Replayed: true`.',
    },
    answers: { 202: { description: 'The job', schema: jobSchema } },
    async handle(ctx, { creator, body, koa }) {
      const work = async (trx: Knex) => {
        const job = await acceptJob(ctx, trx, { creator, request: body, consent: BY_KEY });
        const location = `/v1/jobs/${job.id}`;
        return { status: 202, location, body: JSON.stringify(jobView(job, creator.username)) };
      };
      const key = koa.headers['idempotency-key'];
      if (key === undefined) return withLocation(await ctx.db.transaction(work));
      // The parsed body: another order of the fields is the same request.
      const request = `POST /v1/jobs\n${JSON.stringify(body)}`;
      const { answer, replayed } = await once(
        ctx,
        { creatorId: creator.id, key: String(key), request },
        work,
      );
      return withLocation(answer, replayed ? { 'Idempotency-Replayed': 'true' } : {});
    },
  }),
  apiRoute({
    method: 'get',
    path: '/jobs',
    summary: 'List jobs, newest first.',
    query: jobListSchema,
    answers: { 200: { description: 'A page of jobs', schema: jobListAnswer } },
    async handle(ctx, { creator, query }) {
      const filter: JobFilter = { status: query.status, limit: query.limit + 1 };
      if (query.cursor) filter.after = parseCursor(query.cursor, JOB_ID);
      const found = await listJobs(ctx.db, creator.id, filter);
      const { page, nextCursor } = cutPage(found, query.limit, (job) => job.id);
      return {
        status: 200,
        body: {
          data: page.map((job) => jobView(job, creator.username)),
          next_cursor: nextCursor,
        },
      };
    },
  }),
  apiRoute({
    method: 'get',
    path: '/jobs/{id}',
    summary: 'One job; `?wait=30` holds the answer until it has ended or 30 seconds passed.',
    query: waitSchema,
    answers: { 200: { description: 'The job', schema: jobSchema } },
    async handle(ctx, { creator, params, query, signal }) {
      const wanted = { creator_id: creator.id, id: params['id'] ?? '' };
      const job = await waitForJob(ctx, wanted, {
        isReached: (each) => !isWorking(each),
        ms: query.wait * 1000,
        signal,
      });
      return { status: 200, body: jobView(job, creator.username) };
    },
  }),
  apiRoute({
    method: 'get',
    path: '/jobs/{id}/events',
    summary: 'The timeline of a job, oldest first.',
    answers: { 200: { description: 'The timeline', schema: eventsAnswer } },
    async handle(ctx, { creator, params }) {
      const job = await getJob(ctx.db, creator.id, params['id'] ?? '');
      const events = await listEvents(ctx.db, job.id);
      return { status: 200, body: { data: events.map(eventView) } };
    },
  }),
  apiRoute({
    method: 'patch',
    path: '/jobs/{id}',
    summary: 'Change title, settings or time while the job is `scheduled`.',
    body: jobPatchSchema,
    answers: { 200: { description: 'The job', schema: jobSchema } },
    async handle(ctx, { creator, params, body }) {
      const change = { creator, id: params['id'] ?? '', patch: body, consent: BY_KEY };
      const job = await changeJob(ctx, change);
      return { status: 200, body: jobView(job, creator.username) };
    },
  }),
  apiRoute({
    method: 'post',
    path: '/jobs/{id}/cancellation',
    summary: 'Cancel before anything is sent.',
    answers: { 200: { description: 'The job', schema: jobSchema } },
    async handle(ctx, { creator, params }) {
      const job = await cancelJob(ctx, creator.id, params['id'] ?? '');
      return { status: 200, body: jobView(job, creator.username) };
    },
  }),
  apiRoute({
    method: 'post',
    path: '/jobs/{id}/retry',
    summary: 'Try a `failed` job again; never re-sends what may have been posted.',
    answers: { 202: { description: 'The job', schema: jobSchema } },
    async handle(ctx, { creator, params }) {
      const job = await retryJob(ctx, creator, params['id'] ?? '');
      return { status: 202, body: jobView(job, creator.username) };
    },
  }),
  apiRoute({
    method: 'post',
    path: '/jobs/{id}/resolution',
    summary: 'Say how an `unconfirmed` job ended.',
    body: resolutionSchema,
    answers: { 200: { description: 'The job', schema: jobSchema } },
    async handle(ctx, { creator, params, body }) {
      const job = await resolveJob(ctx, creator.id, params['id'] ?? '', body.outcome);
      return { status: 200, body: jobView(job, creator.username) };
    },
  }),
];

function withLocation(
  answer: { status: number; location: string | null; body: string },
  headers: Record<string, string> = {},
) {
  return {
    status: answer.status,
    body: answer.body,
    headers: { ...headers, ...(answer.location ? { Location: answer.location } : {}) },
  };
}
