// Writes what restore.sh says at its end: what was restored, what was not, and what to check.
import type { Config } from '../../src/base/config.ts';
import { LEDGER } from '../../src/deletion/ledger.ts';
import { megabytes } from '../../src/http/format.ts';
import { ledgerPlace } from './place.ts';
import type { Checked, PutBack } from './put-back.ts';

/** Returns the report, one sentence or more a line. */
export function writeReport({ manifest, end }: Checked, done: PutBack, config: Config): string {
  const rows = Object.values(end.rows).reduce((sum, count) => sum + count, 0);
  const madeAt = manifest.made_at.toISOString();
  const lines = [
    `Restored the backup of ${madeAt}: ${rows} rows, ${done.files} files (${megabytes(done.bytes)}).`,
    ...(done.damaged > 0
      ? [`${done.damaged} files were damaged before they were backed up, and were left out.`]
      : []),
    ...aboutPosts(done, madeAt),
    aboutAccess(done),
    'Everybody has to sign in again. Connections to TikTok that were renewed after the backup are gone: those creators are asked to connect again.',
    ...aboutDeletions(done, madeAt, config),
    'Start PM3K when you have checked this. Let no other instance run with the same data: both would post.',
  ];
  return `${lines.join('\n')}\n`;
}

function aboutPosts({ unconfirmed, scheduled, cancelled }: PutBack, madeAt: string): string[] {
  return [
    ...(unconfirmed > 0
      ? [
          `${unconfirmed} posts may have been made after the backup, also those whose time is still to come: it can have been moved. They are not sent before their creators have answered on the dashboard.`,
        ]
      : []),
    ...(cancelled > 0 ? [`${cancelled} posts were cancelled after the backup, and stay so.`] : []),
    ...(scheduled > 0
      ? [
          `${scheduled} posts are still to come, as the replaced database knows. If one was changed or moved after ${madeAt}, that is lost: ask the creators to look.`,
        ]
      : []),
  ];
}

function aboutAccess({ access }: PutBack): string {
  if (!access) {
    return 'There was no database here to compare API keys and operators with. Those of the backup have access, even if it was ended after the backup. Check the operators and remove those who have left; ask the creators to check their keys.';
  }
  const { keysEnded, operatorsEnded } = access;
  return `${keysEnded} API keys and ${operatorsEnded} operators of the backup had lost their access since, and did not get it back. Operators and their passwords are those from before this restore.`;
}

function aboutDeletions(
  { deletedSince, isLedgerNewer }: PutBack,
  madeAt: string,
  config: Config,
): string[] {
  const folder = ledgerPlace(config);
  return [
    ...(deletedSince > 0
      ? [
          `${deletedSince} creators of the backup were deleted since, as the ledger of deletions says: PM3K removes them when it starts, before it answers the first request.`,
        ]
      : []),
    ...(isLedgerNewer
      ? []
      : [
          `Check this before you start: the ledger of deletions that was here (${folder}) knows of nobody who was deleted after ${madeAt}. That is right if nobody was. If PM3K ran elsewhere since, copy the folder media/${LEDGER} of that place to there, or the newest folder ${LEDGER} from beside the backups; without it, people who were deleted come back, and you have to delete them again.`,
        ]),
  ];
}
