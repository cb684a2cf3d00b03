// The manifest of stored media.
import type { Manifest } from '../context/context.ts';
import { mediaRoutes } from './api.ts';
import { mediaFunctions } from './labels.ts';
import { addMediaPages } from './pages.ts';
import { assertSameStorage } from './storage-guard.ts';
import { checkStorage } from './storage-quota.ts';

export const storedMedia: Manifest = {
  name: 'stored_media',
  api: mediaRoutes,
  beforeStart: assertSameStorage,
  readiness: { storage: checkStorage },
  labels: { functions: mediaFunctions },
  routes(router, ctx) {
    addMediaPages(router, ctx);
  },
  personalData: {
    tables: {
      media: {
        called: 'Media files',
        about: 'media',
        owner: { by: 'creator_id' },
        columns: {
          storage_key: 'The random name of the stored file.',
          creator_id: 'Whose file it is.',
          purpose: 'An upload, or a working copy made for a post.',
          file_name: 'The name the file had when it was uploaded.',
          content_type: 'What kind of file it is.',
          bytes: 'Its size.',
          sha256: 'Its fingerprint.',
          facts: 'Its length, size of picture and frame rate.',
          expires_at: 'When it is removed.',
          created_at: 'When it was stored.',
        },
        purpose: 'To post it, and to show what will be posted.',
        legalBasis: 'Performance of the contract (Art. 6(1)(b) GDPR)',
        recipients: 'TikTok, when a post is made with it',
        kept: 'As long as the plan says; working copies until their post has ended.',
      },
      loose_files: {
        called: 'Files that are arriving',
        about: 'media',
        owner: { by: 'creator_id' },
        columns: {
          storage_key: 'The random name of the file.',
          creator_id: 'Whose file it is.',
          created_at: 'When it began to arrive.',
        },
        purpose: 'To delete a file also if we are interrupted while it is being stored.',
        legalBasis: 'Performance of the contract (Art. 6(1)(b) GDPR)',
        recipients: 'None',
        kept: 'Until the file is stored, at most a day.',
        ends: { at: 'created_at', after: '1 days' },
      },
      storage_in_use: {
        called: 'The storage in use',
        about: 'nobody',
        owner: { keep: 'A random name of the place where the files are; nothing of anybody.' },
        columns: {
          is_only: 'There is one.',
          id: 'The name of a note that lies there.',
          since: 'Since when.',
        },
        purpose: 'To refuse a start with another storage.',
        legalBasis: 'No personal data',
        recipients: 'Nobody',
        kept: 'As long as the instance exists.',
      },
    },
  },
};
