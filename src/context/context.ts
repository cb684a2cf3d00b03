// The context, the one argument of everything, and the manifest by which a module says what it brings.
import type Router from '@koa/router';
import type { Knex } from 'knex';
import type { z } from 'zod';
import type { Config } from '../base/config.ts';
import type { ConnectionOptions, Database } from '../base/database.ts';
import type { PersonalData } from '../base/declaration.ts';
import type { Logger } from '../base/log.ts';
import type { Inspection } from '../base/media-facts.ts';
import type { Secrets } from '../base/secrets.ts';
import type { Timing } from '../base/timing.ts';
import type { DatabaseContact } from '../queue/database-contact.ts';
import type { SafeFetch } from '../safe-fetch/fetch.ts';
import type { Storage } from '../storage/storage.ts';
import type { TikTok } from '../tiktok/client.ts';

/** Everything a module may need. */
export interface Context {
  config: Config;
  log: Logger;
  connection: ConnectionOptions;
  db: Database;
  secrets: Secrets;
  storage: Storage;
  tiktok: TikTok;
  /** Fetches what a creator named, behind the guard. */
  safeFetch: SafeFetch;
  modules: Manifest[];
  /** The intervals of this process. */
  timing: Timing;
  databaseContact: DatabaseContact;
  /** This process's own folder for working files; emptied at start. */
  scratch: string;
  /** Looks at a file that just arrived; throws `media_rejected`. */
  inspect(path: string, signal: AbortSignal): Promise<Inspection>;
}

/** Work that belongs to no job, run by cron once per cluster. */
export interface Chore {
  /** graphile-worker cron expression, e.g. `*\/5 * * * *`; absent: only on demand. */
  cron?: string;
  /** `runId`: the queue's own id of this run. */
  run(ctx: Context, payload: unknown, signal: AbortSignal, runId: string): Promise<void>;
}

/** Work that each process does for itself, again and again; never twice at a time. */
export interface Tick {
  /** The interval in milliseconds. */
  every(timing: Timing): number;
  run(ctx: Context): Promise<void>;
}

/** A gauge of `/metrics`; `collect` returns one value for each set of labels. */
export interface Metric {
  name: string;
  help: string;
  labelNames?: string[];
  collect(ctx: Context): Promise<{ labels?: Record<string, string>; value: number }[]>;
}

/** Words for people; templates find the functions under `words`. */
export interface Labels {
  /** Event of a job → its line in the timeline. */
  events?: Record<string, (details: Record<string, unknown>, destination: string) => string>;
  /** State of a job → its word while a step works on it. */
  states?: Record<string, string>;
  /** Name → function of a template's values. */
  // biome-ignore lint/suspicious/noExplicitAny: templates are not typed; each function types its own.
  functions?: Record<string, (...values: any[]) => unknown>;
}

/** A stored file that a job uses. */
export interface FileUse {
  storage_key: string;
  job_id: string;
  /** False: the job may be tried again, and nothing waits for the file now. */
  isWorking: boolean;
}

/** Something that a creator must see on the dashboard: a template and its values. */
export interface Notice {
  template: string;
  view: Record<string, unknown>;
}

/** What a module hands in. What jobs and web add stands in their folders, by declaration merging. */
export interface Manifest {
  /** The name of the module's folder. */
  name: string;
  /** Env name → zod schema with a description (`.describe()`), parsed with the rest at start. */
  settings?: Record<string, z.ZodType>;
  /** Required: there is no way to say nothing about personal data. */
  personalData: PersonalData;
  chores?: Record<string, Chore>;
  ticks?: Record<string, Tick>;
  /** Runs after the migrations, before the first request or run; a throw ends the start. */
  beforeStart?: (ctx: Context) => Promise<void>;
  /** Adds routes to the router; pages and API alike. */
  routes?: (router: Router, ctx: Context) => void;
  /** Inspects an uploaded file before it is accepted; throws `media_rejected`. One module offers it. */
  inspect?: (
    path: string,
    context: { signal: AbortSignal; log: Logger; settings: Record<string, unknown> },
  ) => Promise<Inspection>;
  metrics?: Metric[];
  /** Name → check; `/readyz` shows its word, or `ok`. False, or a throw: not ready. */
  readiness?: Record<string, (ctx: Context) => Promise<unknown>>;
  labels?: Labels;
  /** Of these stored files, those that the module still uses. The caller holds their rows. */
  needsFiles?: (trx: Knex, storageKeys: string[]) => Promise<FileUse[]>;
  /** Runs in the transaction that erases a creator's rows, before them. */
  beforeErase?: (trx: Knex, who: Erased) => Promise<void>;
  /** Runs in the transaction that ends a deletion: nothing is left of the creator. */
  afterErase?: (trx: Knex, deletionId: string) => Promise<void>;
  /** What this creator must see on the dashboard. */
  notices?: (ctx: Context, creatorId: string) => Promise<Notice[]>;
}

/** Whose rows are about to be erased, and by which deletion. */
export interface Erased {
  deletionId: string;
  creatorId: string;
  openId: string | null;
}
