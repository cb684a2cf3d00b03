// Records what clients did wrong.
import type { Finding, Publish, State } from './state.ts';

/** Adds a finding, with the time, to those that `GET /sandbox/state` shows. */
export function report(state: State, finding: Omit<Finding, 'at'>): void {
  state.findings.push({ at: new Date().toISOString(), ...finding });
}

/** Reports a post with the file or photos, and the settings, of an earlier one. */
export function reportDuplicate(state: State, publish: Publish): void {
  const twin = state.publishes.find(
    (each) =>
      each !== publish &&
      each.kind === publish.kind &&
      each.open_id === publish.open_id &&
      each.sha256 === publish.sha256 &&
      each.status !== 'FAILED' &&
      JSON.stringify(each.post_info) === JSON.stringify(publish.post_info),
  );
  if (!twin) return;
  report(state, {
    kind: 'lint',
    rule: 'duplicate_post',
    detail: `${publish.publish_id} repeats ${twin.publish_id}`,
    endpoint: publish.kind === 'photo' ? 'content/init' : '/upload/video/',
  });
}
