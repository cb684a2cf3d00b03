// The API route that deletes a creator, open to a key only where the creator allowed that.
import { z } from 'zod';
import { assertKeysMay } from '../access/keys.ts';
import { invalid } from '../base/errors.ts';
import { type ApiRoute, apiRoute } from '../web/api.ts';
import { isConfirmed } from './deletion-preview.ts';
import { requestDeletion } from './request.ts';

export const deletionRoutes: ApiRoute[] = [
  apiRoute({
    method: 'delete',
    path: '/creators/{creator_id}',
    isAlwaysOpen: true,
    summary: 'Disconnect & revoke: deletes everything about the key’s creator (`me`), if allowed.',
    body: z.strictObject({
      confirm: z.string().describe('The TikTok username or the creator id.'),
    }),
    answers: {
      202: {
        description:
          'The deletion has begun. Anybody with `receipt_url` can follow it and read its receipt.',
        schema: z.strictObject({ receipt_url: z.url() }),
      },
    },
    async handle(ctx, { creator, body }) {
      assertKeysMay(creator);
      if (!isConfirmed(creator, body.confirm)) {
        throw invalid('/confirm', 'Expected the TikTok username or the creator id.');
      }
      const { receipt_token } = await requestDeletion(ctx, creator.id, 'api');
      const receiptUrl = `${ctx.config.PUBLIC_URL}/deletions/${receipt_token}`;
      return { status: 202, body: { receipt_url: receiptUrl }, headers: { Location: receiptUrl } };
    },
  }),
];
