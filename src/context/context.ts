// Types of the context, which all functions take, and of the manifest, which every module exports.
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
import type { Continuity } from '../continuity/continuity.ts';
import type { DatabaseContact } from '../queue/database-contact.ts';
import type { SafeFetch } from '../safe-fetch/fetch.ts';
import type { Storage } from '../storage/storage.ts';
import type { TikTok } from '../tiktok/client.ts';

/** What a process shares: configuration, log, connections and modules. Built once at start. */
export interface Context {
  config: Config;
  log: Logger;
  connection: ConnectionOptions;
  db: Database;
  secrets: Secrets;
  storage: Storage;
  tiktok: TikTok;
  /** Fetches URLs that a creator named, and refuses those that lead into private networks. */
  safeFetch: SafeFetch;
  modules: Manifest[];
  /** The intervals of this process. */
  timing: Timing;
  databaseContact: DatabaseContact;
  /** Notices a database that lacks what was committed before. */
  continuity: Continuity;
  /** This process's own folder for working files. */
  scratch: string;
  /** Probes a file that has just arrived. Throws Problem `media_rejected`. */
  inspect(path: string, signal: AbortSignal): Promise<Inspection>;
}

/** Work that belongs to no job. One process of the instance runs it. */
export interface Chore {
  /** graphile-worker cron expression, e.g. `*\/5 * * * *`. Without it the chore runs on demand. */
  cron?: string;
  /** `runId`: the queue's own id of this run. */
  run(ctx: Context, payload: unknown, signal: AbortSignal, runId: string): Promise<void>;
}

/** Work that each process does for itself, by node-cron; never twice at a time. */
export interface Tick {
  /** Six-field cron expression, seconds first, or a function that takes it from the intervals. */
  cron: string | ((timing: Timing) => string);
  run(ctx: Context): Promise<void>;
}

/** A gauge of `/metrics`; `collect` returns one value for each set of labels. */
export interface Metric {
  name: string;
  help: string;
  labelNames?: string[];
  collect(ctx: Context): Promise<{ labels?: Record<string, string>; value: number }[]>;
}

/** Words for people. Templates find the functions under `words`. */
export interface Labels {
  /** Event of a job → its line in the timeline. */
  events?: Record<string, (details: Record<string, unknown>, destination: string) => string>;
  /** State of a job → its word while a step works on it. */
  states?: Record<string, string>;
  /** Name → function of a template's values. */
  // biome-ignore lint/suspicious/noExplicitAny: templates are untyped; each function has its types.
  functions?: Record<string, (...values: any[]) => unknown>;
}

/** A stored file that a job uses. */
export interface FileUse {
  storage_key: string;
  job_id: string;
  /** False if the job has ended but may be tried again. */
  isWorking: boolean;
}

/** A message on a creator's dashboard: a template and its values. */
export interface Notice {
  template: string;
  view: Record<string, unknown>;
}

/** What a module exports. The folders jobs and web add fields to it by declaration merging. */
export interface Manifest {
  /** The name of a plugin's folder. A module of the core may have any name. */
  name: string;
  /** Env name → zod schema with a description (`.describe()`), parsed with the rest at start. */
  settings?: Record<string, z.ZodType>;
  /** Required, so that no module is silent about personal data. */
  personalData: PersonalData;
  chores?: Record<string, Chore>;
  ticks?: Record<string, Tick>;
  /** Runs after the migrations, before the first request or run. An error ends the start. */
  beforeStart?: (ctx: Context) => Promise<void>;
  /** Adds routes to the router; pages and API alike. */
  routes?: (router: Router, ctx: Context) => void;
  /** Probes an uploaded file before it is accepted. Throws `media_rejected`. One module has it. */
  inspect?: (
    path: string,
    context: { signal: AbortSignal; log: Logger; settings: Record<string, unknown> },
  ) => Promise<Inspection>;
  metrics?: Metric[];
  /**
   * Name → check. `/readyz` prints a text that it returns, or `ok`. False or an error: not ready.
   */
  readiness?: Record<string, (ctx: Context) => Promise<unknown>>;
  labels?: Labels;
  /**
   * Returns those of these stored files that the module still uses. The caller has locked their
   * rows.
   */
  needsFiles?: (trx: Knex, storageKeys: string[]) => Promise<FileUse[]>;
  /**
   * Runs in the transaction in which TikTok's permission of a creator lapsed, or came back because
   * it had never lapsed.
   */
  afterLapse?: (trx: Knex, ctx: Context, creatorId: string) => Promise<void>;
  afterRecovery?: (trx: Knex, ctx: Context, creatorId: string) => Promise<void>;
  /** Runs in the transaction that erases a creator's rows, before them. */
  beforeErase?: (trx: Knex, who: Erased) => Promise<void>;
  /** Runs in the transaction that ends a deletion, after the last search found nothing. */
  afterErase?: (trx: Knex, deletionId: string) => Promise<void>;
  /** Returns the messages for this creator's dashboard. */
  notices?: (ctx: Context, creatorId: string) => Promise<Notice[]>;
}

/** Whose rows are about to be erased, and by which deletion. */
export interface Erased {
  deletionId: string;
  creatorId: string;
  openId: string | null;
}
