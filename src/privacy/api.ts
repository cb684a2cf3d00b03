// The API route that exports a creator's data, open to a key only where the creator allowed that.
import { assertKeysMay } from '../access/keys.ts';
import { databaseNow } from '../base/database-time.ts';
import { type ApiRoute, apiRoute } from '../web/api.ts';
import { createExport } from './exporter.ts';

export const privacyRoutes: ApiRoute[] = [
  apiRoute({
    method: 'get',
    path: '/export',
    isAlwaysOpen: true,
    summary: 'Everything stored about the creator, as a zip, if allowed for keys.',
    answers: { 200: 'The zip (`application/zip`)' },
    async handle(ctx, { creator }) {
      assertKeysMay(creator);
      return { status: 200, body: createExport(ctx, creator.id), headers: exportHeaders() };
    },
  }),
];

/** The file's name holds the day and no name of the creator. */
export function exportHeaders(): Record<string, string> {
  const day = databaseNow().toISOString().slice(0, 10);
  return {
    'Content-Type': 'application/zip',
    'Content-Disposition': `attachment; filename="pm3k-export-${day}.zip"`,
    'Cache-Control': 'no-store',
  };
}
