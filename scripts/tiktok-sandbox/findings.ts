// Records what clients did wrong.
import type { Finding, State } from './state.ts';

/** Adds a finding, with the time, to those that `GET /sandbox/state` shows. */
export function report(state: State, finding: Omit<Finding, 'at'>): void {
  state.findings.push({ at: new Date().toISOString(), ...finding });
}
