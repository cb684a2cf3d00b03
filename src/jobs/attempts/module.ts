// The manifest of the addresses that TikTok pulls photos from.
import type { Manifest } from '../../context/context.ts';
import { addPhotoRoute } from './serve-links.ts';

export const photoLinks: Manifest = {
  name: 'photo_links',
  routes: addPhotoRoute,
  personalData: {
    tables: {
      photo_links: {
        called: 'Addresses of photos',
        about: 'posts',
        owner: { through: { job_id: 'jobs' } },
        columns: {
          token_hash: 'The address, as a hash.',
          job_id: 'Which job it belongs to.',
          position: 'The photo’s place among the photos.',
          storage_key: 'The stored file that is fetched there.',
          content_type: 'What kind of file that is.',
          bytes: 'Its size.',
          created_at: 'When the address was made.',
          fetched_at: 'When it was fetched first.',
          expires_at: 'When it stops to answer.',
        },
        secret: ['token_hash'],
        purpose: 'To hand photos to TikTok, and to never post them twice.',
        legalBasis: 'Performance of the contract (Art. 6(1)(b) GDPR)',
        recipients: 'TikTok, which fetches the photos there',
        kept: 'Until TikTok has told how the post ended.',
      },
    },
  },
};
