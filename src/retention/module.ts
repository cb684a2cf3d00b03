// The manifest of retention: the table that records what was removed, and when.
import type { Manifest } from '../context/context.ts';

export const retention: Manifest = {
  name: 'retained',
  personalData: {
    tables: {
      sweeps: {
        called: 'What retention removed',
        about: 'nobody',
        owner: { keep: 'Counts of what was removed; nothing about anybody.' },
        columns: {
          id: 'Number of the line.',
          at: 'When it was removed.',
          what: 'What kind of thing was removed.',
          removed: 'How many things were removed.',
          bytes: 'How many bytes of files.',
          ms: 'How long it took.',
        },
        purpose: 'To show that data is removed on time.',
        legalBasis: 'No personal data',
        recipients: 'None',
        kept: 'REQUEST_RETENTION_DAYS.',
        ends: { at: 'at', after: { days: 'REQUEST_RETENTION_DAYS' } },
      },
    },
  },
};
