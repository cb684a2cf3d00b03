// What the timeline of a job says of a move.
import type { JobError, Patch } from '../job.ts';

export function toEvent(name: string, error: JobError) {
  return { name, details: { ...error } };
}

export function toMoveEvent(
  state: string,
  patch: Patch,
): { name: string; details?: Record<string, unknown> } {
  if (state === 'ready')
    return { name: 'prepared', details: { changes: patch.media?.changes ?? [] } };
  if (state === 'finished')
    return { name: 'finished', details: { post_ids: patch.post_ids ?? [] } };
  if (state === 'failed') return { name: 'failed', details: { ...patch.error } };
  return { name: state };
}
