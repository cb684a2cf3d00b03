// Prints a link, valid for seven days, that lets one account connect when SIGN_UP is `invite`.
import { readConfig } from '../src/base/config.ts';
import { openDatabase } from '../src/base/database.ts';
import { findRunningConnection } from '../src/base/embedded-postgres.ts';
import { randomToken, sha256 } from '../src/base/secrets.ts';
import { insertInvitation } from '../src/creators/invitations.ts';
import { runScript, ScriptFault } from './fault.ts';

const DAYS = 7;

await runScript(async () => {
  const config = readConfig();
  const connection = config.DATABASE_URL
    ? { connectionString: config.DATABASE_URL }
    : await findRunningConnection(config.DATA_DIR);
  if (!connection) {
    throw new ScriptFault('Start PM3K first: its embedded database is not running.');
  }
  const db = openDatabase(connection);
  const token = randomToken(256);
  await insertInvitation(db, sha256(token), new Date(Date.now() + DAYS * 86_400_000));
  await db.destroy();
  process.stdout.write(`${config.PUBLIC_URL}/invite/${token}\n`);
});
