// Serves the API's description: OpenAPI 3.1 made from the routes' schemas, and swagger-ui.
import type Router from '@koa/router';
import { z } from 'zod';
import { ERROR_CODES } from '../base/errors.ts';
import type { Context, Manifest } from '../context/context.ts';
import { type ApiRoute, findBodySchema, listPaths } from './api.ts';

/** Adds `/openapi.json`, `/docs` and `/docs/errors`. */
export function addDocs(router: Router, ctx: Context, modules: Manifest[]): void {
  let document: ReturnType<typeof openApi> | undefined;
  router.get('/openapi.json', (koa) => {
    // Made for the first reader: it would take a seventh of the time that a start takes.
    document ??= openApi(modules, ctx.config.PUBLIC_URL);
    koa.body = document;
  });
  router.get('/docs', (koa) => {
    koa.type = 'html';
    // swagger-ui sets style attributes. Scripts are as restricted as on every page.
    koa.set(
      'Content-Security-Policy',
      "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'",
    );
    koa.body = DOCS_PAGE;
  });
  router.get('/docs/errors', (koa) => {
    koa.type = 'html';
    koa.body = errorsPage();
  });
}

const DOCS_PAGE = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/static/swagger-ui.css"></head>
<body><div id="docs"></div>
<script src="/static/swagger-ui-bundle.js"></script><script src="/static/docs.js"></script>
</body></html>`;

function errorsPage(): string {
  const rows = Object.entries(ERROR_CODES).map(
    ([code, [status, title]]) =>
      `<tr id="${code}"><td><code>${code}</code></td><td>${status}</td><td>${title}</td></tr>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Error codes</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/static/style.css"></head>
<body><main class="prose"><h1>Error codes</h1>
<table><thead><tr><th>Code</th><th>HTTP</th><th>Meaning</th></tr></thead><tbody>
${rows.join('\n')}
</tbody></table></main></body></html>`;
}

/** Returns the OpenAPI document of all routes of these modules. */
export function openApi(modules: Manifest[], serverUrl: string) {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of modules.flatMap((module) => module.api ?? [])) {
    for (const path of listPaths(route)) {
      const template = path.replaceAll(/:(\w+)/g, '{$1}');
      paths[template] = { ...paths[template], [route.method]: operation(route, template, modules) };
    }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'PM3K', version: '1', description: 'Post to TikTok, once, now or at a time.' },
    servers: [{ url: serverUrl }],
    security: [{ key: [] }],
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer', bearerFormat: 'pm3k_…' } },
      schemas: { Problem: problemSchema() },
    },
    paths,
  };
}

function operation(route: ApiRoute, template: string, modules: Manifest[]) {
  const body = findBodySchema(route, modules);
  const responses: Record<string, unknown> = {
    default: {
      description: 'A problem',
      content: route.problem
        ? { 'application/json': { schema: toJsonSchema(route.problem) } }
        : { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
    },
  };
  for (const [status, answer] of Object.entries(route.answers)) {
    responses[status] =
      typeof answer === 'string'
        ? { description: answer }
        : {
            description: answer.description,
            content: { 'application/json': { schema: toJsonSchema(answer.schema) } },
          };
  }
  return {
    summary: route.summary,
    parameters: [
      ...pathParameters(template),
      ...queryParameters(route),
      ...headerParameters(route),
    ],
    ...(body ? { requestBody: jsonBody(body) } : {}),
    ...(route.isUpload ? { requestBody: uploadBody(route) } : {}),
    responses,
  };
}

function pathParameters(template: string) {
  return [...template.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
}

function queryParameters(route: ApiRoute) {
  if (!route.query) return [];
  const schema = toJsonSchema(route.query) as { properties?: Record<string, unknown> };
  return Object.entries(schema.properties ?? {}).map(([name, property]) => ({
    name,
    in: 'query',
    schema: property,
  }));
}

function headerParameters(route: ApiRoute) {
  return Object.entries(route.headers ?? {}).map(([name, description]) => ({
    name,
    in: 'header',
    description,
    schema: { type: 'string' },
  }));
}

function jsonBody(schema: z.ZodType) {
  return { required: true, content: { 'application/json': { schema: toJsonSchema(schema) } } };
}

function uploadBody({ uploadType }: ApiRoute) {
  const file = { type: 'string', format: 'binary' };
  if (uploadType) return { content: { [uploadType]: { schema: file } } };
  return {
    required: true,
    content: {
      'video/*': { schema: file },
      'multipart/form-data': { schema: { type: 'object', properties: { file } } },
    },
  };
}

function toJsonSchema(schema: z.ZodType) {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', target: 'draft-2020-12' });
}

function problemSchema() {
  return {
    type: 'object',
    required: ['type', 'title', 'status', 'detail', 'code', 'request_id'],
    properties: {
      type: { type: 'string' },
      title: { type: 'string' },
      status: { type: 'integer' },
      detail: { type: 'string' },
      code: { enum: Object.keys(ERROR_CODES) },
      errors: {
        type: 'array',
        items: {
          type: 'object',
          properties: { pointer: { type: 'string' }, message: { type: 'string' } },
        },
      },
      retry_at: { type: 'string', format: 'date-time' },
      tiktok: { type: 'object' },
      job_id: { type: 'string' },
      rule: { type: 'string' },
      request_id: { type: 'string' },
    },
  };
}
