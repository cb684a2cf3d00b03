// The manifest of events: the run that delivers them, and what is kept until it has.
import type { Context, Manifest } from '../context/context.ts';
import { deliver, listSubscribers } from './deliver.ts';
import { queueMissingRuns } from './emit.ts';
import { countUndelivered, removeGoneSubscribers, saveSubscribers } from './store.ts';

/** Says who subscribes here: whatever process an event happens in, it is written down for them. */
export async function subscribe(ctx: Context): Promise<void> {
  await saveSubscribers(
    ctx.db,
    [...listSubscribers(ctx.modules)].map(([name, { value }]) => ({ name, events: value.on })),
  );
}

/** Every five minutes: nothing that is owed is left without a run, and nobody owed for ever. */
async function resume(ctx: Context): Promise<void> {
  await subscribe(ctx);
  for (const gone of await removeGoneSubscribers(ctx.db)) {
    ctx.log.warn({ event: 'event.subscriber_gone', ...gone });
  }
  const count = await queueMissingRuns(ctx.db);
  if (count > 0) ctx.log.warn({ event: 'event.resumed', count });
}

export const events: Manifest = {
  name: 'events',
  beforeStart: subscribe,
  chores: {
    deliver: { run: deliver },
    resume: { cron: '*/5 * * * *', run: resume },
  },
  metrics: [
    {
      name: 'pm3k_events_undelivered',
      help: 'Events that a subscriber is owed: to come, or given up in the last 30 days',
      labelNames: ['subscriber', 'state'],
      async collect({ db }) {
        return (await countUndelivered(db)).flatMap(({ subscriber, waiting, given_up }) => [
          { labels: { subscriber, state: 'waiting' }, value: waiting },
          { labels: { subscriber, state: 'given_up' }, value: given_up },
        ]);
      },
    },
  ],
  personalData: {
    tables: {
      event_deliveries: {
        called: 'News on their way',
        about: 'working',
        owner: { through: { job_id: 'jobs', creator_id: 'creators' } },
        columns: {
          id: 'Number of the news.',
          subscriber: 'Which part of the software is told.',
          job_id: 'Which post it is about.',
          creator_id: 'Whom it is about.',
          deletion_id: 'Which deletion it is about; it names nobody.',
          name: 'What happened.',
          details: 'Particulars, as in the timeline of a post.',
          at: 'When.',
          run_id: 'Which run of ours is telling it.',
          tries: 'How often that failed.',
          due_at: 'When it is tried next.',
          fault: 'What kind of fault the last try had.',
          given_up_at: 'When it was given up.',
        },
        purpose: 'To tell each part of the software what happened, once it is certain.',
        legalBasis: 'Performance of the contract (Art. 6(1)(b) GDPR)',
        recipients: 'None',
        kept: 'Until it was told, which takes seconds; 30 days when it was given up.',
        ends: { at: 'given_up_at', after: '30 days' },
      },
      event_subscribers: {
        called: 'Parts of the software that want news',
        about: 'nobody',
        owner: { keep: 'Names of parts of the software; nothing about anybody.' },
        columns: {
          name: 'Its name.',
          events: 'What it wants to be told.',
          seen_at: 'When it was last there.',
        },
        purpose: 'To know whom to tell what happened.',
        legalBasis: 'No personal data',
        recipients: 'None',
        kept: 'Until a day after it was last there.',
      },
    },
  },
};
