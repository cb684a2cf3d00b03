// The creators' manifest: who connects, and what TikTok granted.

import { creatorRoutes } from '../account/api.ts';
import { addSettingsPages } from '../account/settings.ts';
import type { Manifest } from '../plugin.ts';
import { addApiRoutes } from '../web/api.ts';
import { assertSecretOpens } from './tokens.ts';

const RUNNING_THE_SERVICE = 'Performance of the contract (Art. 6(1)(b) GDPR)';

export const creators: Manifest = {
  name: 'creators',
  api: creatorRoutes,
  beforeStart: assertSecretOpens,
  routes(router, ctx) {
    addApiRoutes(router, ctx, creatorRoutes);
    addSettingsPages(router, ctx);
  },
  personalData: {
    tables: {
      creators: {
        called: 'TikTok profile and account',
        about: 'tiktok',
        owner: { by: 'id' },
        columns: {
          id: 'Our own id of the creator.',
          open_id: 'TikTok’s id of the account for this app.',
          username: 'The TikTok username.',
          nickname: 'The TikTok display name.',
          avatar_url: 'The address of the TikTok picture.',
          plan: 'The plan: free, trial or paid.',
          plan_ends_at: 'When the plan ends.',
          suspended_at: 'When the operator suspended the account.',
          disconnected_at: 'When TikTok took the permission back.',
          leaving_at: 'When the deletion of the account began.',
          removal_reason: 'TikTok’s reason for taking the permission back, as a number.',
          keys_may_export_and_erase: 'Whether an API key may export and erase everything.',
          time_zone: 'The time zone chosen in the settings.',
          last_seen_at: 'The day of the last visit or request.',
          name_confirmed_at: 'When TikTok last confirmed the username.',
          created_at: 'When the account was first connected.',
          updated_at: 'When this row last changed.',
        },
        purpose: 'To know whose posts these are, and to show the right name.',
        legalBasis: RUNNING_THE_SERVICE,
        recipients: 'None',
        kept: 'Until the account is deleted.',
      },
      grants: {
        called: 'Permission from TikTok',
        about: 'tiktok',
        owner: { by: 'creator_id' },
        columns: {
          creator_id: 'Whose grant it is.',
          scopes: 'What TikTok lets us do.',
          access_token: 'TikTok’s access token, encrypted.',
          refresh_token: 'TikTok’s refresh token, encrypted.',
          access_expires_at: 'When the access token ends.',
          refresh_expires_at: 'When the refresh token ends.',
          version: 'How often the tokens were replaced.',
          lease_id: 'Which process is refreshing them.',
          leased_until: 'Until when it may.',
          refreshed_at: 'When they were last replaced.',
          granted_at: 'When the creator connected.',
        },
        secret: ['access_token', 'refresh_token', 'lease_id'],
        purpose: 'To post on the creator’s behalf.',
        legalBasis: RUNNING_THE_SERVICE,
        recipients: 'TikTok, from whom they come',
        kept: 'Until the account is disconnected or deleted.',
      },
      posting_defaults: {
        called: 'Posting defaults',
        about: 'account',
        owner: { by: 'creator_id' },
        columns: {
          creator_id: 'Whose defaults they are.',
          destination: 'Posted directly, or handed to the TikTok inbox.',
          settings: 'Who may see such a post, and what they may do.',
          declaration: 'The words that were agreed to.',
          given_at: 'When they were saved.',
        },
        purpose: 'To make posts by key as the creator has chosen.',
        legalBasis: RUNNING_THE_SERVICE,
        recipients: 'TikTok receives them with each post that is made by them',
        kept: 'Until they are changed, or until the account is deleted.',
      },
      invitations: {
        called: 'Invitation',
        about: 'account',
        owner: { by: 'creator_id' },
        columns: {
          id: 'Id of the invitation.',
          token_hash: 'A hash of the invitation’s link.',
          expires_at: 'When it ends.',
          creator_id: 'Who used it.',
          used_at: 'When it was used.',
          created_at: 'When it was made.',
        },
        secret: ['token_hash'],
        purpose: 'To let in whom the operator invited.',
        legalBasis: RUNNING_THE_SERVICE,
        recipients: 'None',
        kept: 'A day after it ended, or until the account is deleted.',
        ends: { at: 'expires_at', after: '1 days' },
      },
      oauth_states: {
        called: 'Sign-ins under way',
        about: 'technical',
        owner: {
          keep: 'Names nobody: random values of a sign-in under way, which end after ten minutes.',
        },
        columns: {
          state_hash: 'A hash of the random value that TikTok hands back.',
          browser_hash: 'A hash of the random value in the browser’s cookie.',
          code_verifier: 'A random value that proves the sign-in is ours, encrypted.',
          invitation_id: 'The invitation it began with.',
          expires_at: 'When it ends.',
          request_id: 'The deletion request whose one-time link it began with.',
          proof_token_hash: 'A hash of that link.',
        },
        secret: ['state_hash', 'browser_hash', 'code_verifier', 'proof_token_hash'],
        purpose: 'To connect with TikTok safely.',
        legalBasis: RUNNING_THE_SERVICE,
        recipients: 'None',
        kept: 'Ten minutes.',
        ends: { at: 'expires_at' },
      },
    },
  },
};
