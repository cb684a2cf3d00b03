// The manifest of jobs: their API and pages, the reaper, and the tables that hold them.
import type { TableDeclaration } from '../base/declaration.ts';
import type { Manifest } from '../context/context.ts';
import { jobRoutes } from './api.ts';
import { builtInSources } from './built-in-sources.ts';
import { jobLabels } from './labels.ts';
import { jobMetrics } from './metrics.ts';
import { needsFiles } from './needs-files.ts';
import { addJobPages } from './pages/list.ts';
import { holdUnsent, resumeHeld } from './permission.ts';
import { reap, repair, tidyQueues } from './run/reaper.ts';
import { secureOrSettle, watchDatabase } from './settle.ts';

const TERMS: Pick<TableDeclaration, 'legalBasis' | 'recipients' | 'kept'> = {
  legalBasis: 'Performance of the contract (Art. 6(1)(b) GDPR)',
  recipients: 'None',
  kept: 'JOB_HISTORY_DAYS after the post ended, or until the account is deleted.',
};

export const jobs: Manifest = {
  name: 'jobs',
  api: jobRoutes,
  metrics: jobMetrics,
  labels: jobLabels,
  needsFiles,
  afterLapse: holdUnsent,
  afterRecovery: (trx, _ctx, creatorId) => resumeHeld(trx, creatorId),
  sources: builtInSources,
  routes(router, ctx) {
    addJobPages(router, ctx);
  },
  // After the storage was found to be the database's own.
  beforeStart: secureOrSettle,
  ticks: {
    reap: { cron: ({ reapCron }) => reapCron, run: reap },
    repair: { cron: ({ repairCron }) => repairCron, run: repair },
    continuity: { cron: '* * * * * *', run: watchDatabase },
  },
  chores: {
    tidy: {
      cron: '40 * * * *',
      run: tidyQueues,
    },
  },
  personalData: {
    tables: {
      jobs: {
        called: 'Posts',
        about: 'posts',
        owner: { by: 'creator_id' },
        columns: {
          id: 'Id of the post’s job.',
          creator_id: 'Whose post it is.',
          mode: 'Whether to post now or at a time.',
          schedule_at: 'The time that was asked for.',
          send_at: 'The time the post is planned for.',
          state: 'How far the post has come.',
          title: 'The caption.',
          destination: 'Posted directly, or handed to the TikTok inbox.',
          settings: 'Who may see the post, and what they may do with it.',
          kind: 'A video, or photos.',
          source_key: 'The stored file it was made from.',
          source: 'Where that file came from: an upload, a URL, or another source.',
          source_request: 'What was asked of that source, e.g. the address.',
          source_url: 'That address, for processes of an older version.',
          source_sha256: 'The fingerprint of that file, which finds the same media again.',
          allow_duplicate: 'Whether the same media may be posted again within a day.',
          description: 'The text beside the title of photos.',
          photo_cover_index: 'Which photo is shown first.',
          output_key: 'The stored file that was sent.',
          output_type: 'What kind of file that is.',
          media: 'Length, size and fingerprint of the video, and what was changed.',
          progress: 'How much of the current step is done.',
          run_token: 'Which of our runs is working on it.',
          faults: 'How often the current step failed in a row.',
          waiting_since: 'Since when it waits.',
          waiting_code: 'What it waits for, e.g. a limit or space on the disk.',
          gives_up_at: 'Until when it waits.',
          permission_lost_at: 'When TikTok’s permission for it was lost.',
          deaths: 'How often a process ended while it worked on it.',
          publish_id: 'TikTok’s id of the upload.',
          post_ids: 'TikTok’s ids of the post.',
          error: 'Why the post failed.',
          created_at: 'When the post was asked for.',
          updated_at: 'When the post last changed.',
          finished_at: 'When the post ended.',
        },
        secret: ['run_token'],
        purpose: 'To make the post, once, and to show what became of it.',
        ...TERMS,
        recipients: 'TikTok, which receives caption and settings when the post is made',
        ends: { at: 'finished_at', after: { days: 'JOB_HISTORY_DAYS' } },
      },
      job_photos: {
        called: 'Photos of posts',
        about: 'posts',
        owner: { through: { job_id: 'jobs' } },
        columns: {
          job_id: 'Which job it belongs to.',
          position: 'Its place among the photos.',
          source_key: 'The stored file it was made from.',
          source: 'Where that file came from: an upload, a URL, or another source.',
          source_request: 'What was asked of that source, e.g. the address.',
          source_url: 'That address, for processes of an older version.',
          output_key: 'The stored file that TikTok gets.',
          output_type: 'What kind of file that is.',
          facts: 'Its size and fingerprint, and what was changed about it.',
        },
        purpose: 'To post the photos in their order.',
        ...TERMS,
        recipients: 'TikTok, when the post is made',
      },
      job_events: {
        called: 'Timelines of posts',
        about: 'posts',
        owner: { through: { job_id: 'jobs' } },
        columns: {
          id: 'Id of the line.',
          job_id: 'Which job it is about.',
          name: 'What happened.',
          details: 'Particulars, e.g. what was changed about the video.',
          at: 'When it happened.',
        },
        purpose: 'To show the creator what happened and when.',
        ...TERMS,
      },
      consents: {
        called: 'Consents to posts',
        about: 'posts',
        owner: { through: { job_id: 'jobs' } },
        columns: {
          id: 'Id of the consent.',
          job_id: 'Which job it allows.',
          given_through: 'Whether it was given on the dashboard or by a program with an API key.',
          declaration: 'The words that were agreed to.',
          title: 'The caption that was agreed to.',
          settings: 'The settings that were agreed to.',
          given_at: 'When it was given.',
          voided_at: 'When a later one replaced it.',
        },
        purpose: 'To prove that nothing was posted without consent.',
        ...TERMS,
      },
      publish_attempts: {
        called: 'Uploads to TikTok',
        about: 'posts',
        owner: { through: { job_id: 'jobs' } },
        columns: {
          id: 'Id of the attempt.',
          job_id: 'Which job it belongs to.',
          number: 'Which attempt of the job it is.',
          bytes: 'Size of the file.',
          publish_id: 'TikTok’s id of the attempt.',
          upload_url: 'The address that TikTok gave for the bytes, encrypted; removed at the end.',
          chunk_bytes: 'Size of one part.',
          chunk_count: 'How many parts there are.',
          bytes_acknowledged: 'How many bytes TikTok has received.',
          intended_at: 'When it was begun.',
          opened_at: 'When TikTok opened it.',
          committed_at: 'When the last part was about to be sent.',
          sent_at: 'When all was sent.',
          closed_at: 'When it ended.',
          outcome: 'How it ended.',
          told_publish_id: 'An id of TikTok’s that came by its webhook.',
          unanswered_at: 'Since when an answer from TikTok is missing.',
          answered_404_at: 'When TikTok no longer knew the address for the bytes.',
          ruled_out_at: 'When it became certain that nothing came of it.',
        },
        secret: ['upload_url'],
        purpose: 'To never post twice, and to go on after a crash.',
        ...TERMS,
      },
    },
  },
};
