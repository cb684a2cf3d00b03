// The manifest of resumable uploads.
import type { Manifest } from '../../context/context.ts';
import { uploadRoutes } from './api.ts';
import { addUploadRoutes } from './routes.ts';

const TERMS = {
  legalBasis: 'Performance of the contract (Art. 6(1)(b) GDPR)',
  recipients: 'Nobody',
  kept: 'Until a day after the last byte arrived.',
};

export const uploads: Manifest = {
  name: 'uploads',
  api: uploadRoutes,
  routes: addUploadRoutes,
  personalData: {
    tables: {
      uploads: {
        called: 'Uploads under way',
        about: 'media',
        owner: { by: 'creator_id' },
        columns: {
          id: 'Id of the upload.',
          creator_id: 'Whose it is.',
          storage_key: 'The random name that the whole file gets.',
          metadata: 'The file’s name and type, as the browser or program gave them.',
          length: 'How large the file is.',
          received: 'How much of it has arrived.',
          writer: 'Which request may go on with it.',
          finished_at: 'When all had arrived.',
          expires_at: 'When it is removed.',
          created_at: 'When it was begun.',
        },
        secret: ['writer'],
        purpose: 'To go on with an upload that was interrupted.',
        ...TERMS,
      },
      upload_parts: {
        called: 'Parts of uploads under way',
        about: 'media',
        owner: { through: { upload_id: 'uploads' } },
        columns: {
          storage_key: 'The random name of the stored part.',
          upload_id: 'Of which upload it is.',
          starts_at: 'Where in the file it begins.',
          bytes: 'Its size.',
        },
        purpose: 'To put the file together when all has arrived.',
        ...TERMS,
      },
    },
  },
};
