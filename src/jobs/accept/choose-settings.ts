// Chooses the destination and settings of a job: those of the request, or the saved defaults.
import type { Knex } from 'knex';
import { z } from 'zod';
import { invalid, Problem } from '../../base/errors.ts';
import { findPostingDefaults } from '../../creators/posting-defaults.ts';
import type { Creator } from '../../creators/store.ts';
import { parseWith } from '../../http/validate.ts';
import type { PostSettings } from '../../tiktok/post-settings.ts';
import { settingsSchema } from '../../tiktok/settings-schema.ts';
import type { Job } from '../job.ts';
import type { JobPatch, NewJobRequest } from '../schema.ts';

interface Chosen {
  destination: Job['destination'];
  settings: PostSettings;
  /** The words that the creator agreed to when saving the defaults, where those were taken. */
  declaration?: string;
}

/**
 * Takes the settings of the request, or adds the creator's saved defaults where the request names no
 * destination or no audience.
 */
export async function chooseSettings(
  trx: Knex,
  creator: Creator,
  request: Pick<NewJobRequest, 'destination' | 'settings'>,
): Promise<Chosen> {
  const named = request.settings ?? {};
  if (request.destination && (request.destination === 'inbox' || named.privacy_level)) {
    const { destination } = request;
    return { destination, settings: mergeSettings({}, named) };
  }
  const defaults = await findPostingDefaults(trx, creator.id);
  const destination = request.destination ?? defaults?.destination;
  if (!destination) throw createDefaultsMissing();
  const settings = mergeSettings(defaults?.settings ?? {}, named);
  if (destination === 'direct' && !settings.privacy_level) {
    throw invalid(
      '/settings/privacy_level',
      'Expected a privacy level: a direct post needs one, and we do not choose it for you. Name it, or save posting defaults in the settings.',
    );
  }
  return { destination, settings, ...(defaults ? { declaration: defaults.declaration } : {}) };
}

/** Returns the refusal of a request that relies on posting defaults which are not saved. */
export function createDefaultsMissing(): Problem {
  return new Problem(
    'posting_defaults_missing',
    'This request leaves the settings to your posting defaults, and none are saved. Save them once on the dashboard under Settings.',
  );
}

/** Merges the changes into `base` and validates the result as a whole. */
export function mergeSettings(
  base: Partial<PostSettings>,
  changes: NonNullable<JobPatch['settings']>,
): PostSettings {
  const named = Object.entries(changes).filter(([, value]) => value !== undefined);
  return parseWith(
    z.strictObject({ settings: settingsSchema }),
    { settings: { ...base, ...Object.fromEntries(named) } },
    'body',
  ).settings;
}
