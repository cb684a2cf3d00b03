// What is kept to notice a database that lost its last changes: declared like everything else.
import type { PersonalData } from '../base/declaration.ts';

export const continuityTables: PersonalData = {
  tables: {
    database_position: {
      called: 'How far the database has come',
      about: 'nobody',
      owner: { keep: 'A number that each sent post raises; nothing about anybody.' },
      columns: {
        is_only: 'There is one.',
        number: 'The number, which the storage has as well.',
        at: 'When it was raised.',
      },
      purpose: 'To post nothing twice after the database was restored or replaced.',
      legalBasis: 'No personal data',
      recipients: 'None',
      kept: 'As long as the database.',
    },
  },
};
