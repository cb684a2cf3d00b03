// The manifest of retention: what was swept, and when, for the operator to see.
import type { Manifest } from '../context/context.ts';

export const retention: Manifest = {
  name: 'retained',
  personalData: {
    tables: {
      sweeps: {
        called: 'What was swept',
        about: 'nobody',
        owner: { keep: 'Counts of what was removed; nothing about anybody.' },
        columns: {
          id: 'Number of the line.',
          at: 'When.',
          what: 'What kind of thing was removed.',
          removed: 'How many.',
          bytes: 'How many bytes of files.',
          ms: 'How long it took.',
        },
        purpose: 'To show that terms are kept.',
        legalBasis: 'No personal data',
        recipients: 'None',
        kept: 'REQUEST_RETENTION_DAYS.',
        ends: { at: 'at', after: { days: 'REQUEST_RETENTION_DAYS' } },
      },
    },
  },
};
