// Signs operators in: checks password and code, counts failures, and applies ADMIN_PASSWORD.
import type { Context } from '../context/context.ts';
import { hashPassword, isPassword } from './passwords.ts';
import { useCode } from './second-factor.ts';
import {
  audit,
  countTry,
  endOtherSessions,
  FAILURES,
  findOperatorByEmail,
  forgiveTries,
  insertOperator,
  lockOperator,
  type Operator,
  updateOperator,
} from './store.ts';

export interface Credentials {
  email: string;
  password: string;
  code: string;
}

/** Returns null whatever was wrong, so that the caller cannot tell anybody the reason. */
export async function findSignedIn(
  ctx: Context,
  { email, password, code }: Credentials,
): Promise<Operator | null> {
  const operator = await findOperatorByEmail(ctx.db, email);
  const isRight = await tryPassword(ctx, operator, password, async (known) =>
    known.totp_confirmed_at ? useCode(ctx, known, code) : true,
  );
  return isRight && operator ? operator : null;
}

/**
 * Checks a password and what `also` checks, and counts both as one try. The count is written while
 * the slow hash is compared, so an unknown operator takes as long as a known one.
 */
export async function tryPassword(
  ctx: Context,
  operator: Operator | undefined,
  password: string,
  also: (operator: Operator) => Promise<boolean> = async () => true,
): Promise<boolean> {
  const [isRight, failures] = await Promise.all([
    isPassword(operator?.password_hash ?? null, password),
    operator ? countTry(ctx.db, operator.id) : null,
  ]);
  if (!operator || failures === null) return false;
  return settleTry(ctx, operator, failures, isRight && (await also(operator)));
}

/** Checks a code and counts it as one try. */
export async function tryCode(ctx: Context, operator: Operator, code: string): Promise<boolean> {
  const failures = await countTry(ctx.db, operator.id);
  if (failures === null) return false;
  return settleTry(ctx, operator, failures, await useCode(ctx, operator, code));
}

async function settleTry(
  ctx: Context,
  operator: Operator,
  failures: number,
  isRight: boolean,
): Promise<boolean> {
  if (isRight) {
    await forgiveTries(ctx.db, operator.id);
  } else if (failures === FAILURES) {
    await audit(ctx.db, { operator, act: 'operator.locked_out' });
    ctx.log.warn({ event: 'operator.locked', operator_id: operator.id });
  }
  return isRight;
}

/**
 * Creates the operator of ADMIN_EMAIL. The password is set only when ADMIN_PASSWORD differs from the
 * one that was applied last, so a password that was changed on the pages stays.
 */
export async function applyConfigured(ctx: Context): Promise<void> {
  const { ADMIN_EMAIL, ADMIN_PASSWORD } = ctx.config;
  if (!ADMIN_EMAIL || !ADMIN_PASSWORD) return;
  const passwordHash = await hashPassword(ADMIN_PASSWORD);
  const applied = { password_hash: passwordHash, configured_hash: passwordHash };
  await ctx.db.transaction(async (trx) => {
    const added = await insertOperator(trx, { email: ADMIN_EMAIL, ...applied });
    if (added) {
      await audit(trx, { operator: added, act: 'operator.added_as_configured' });
      return;
    }
    // The lock is for several processes that start at once.
    const operator = await lockOperator(trx, ADMIN_EMAIL);
    if (!operator || (await isPassword(operator.configured_hash, ADMIN_PASSWORD))) return;
    await updateOperator(trx, operator.id, { ...applied, password_is_initial: false });
    await forgiveTries(trx, operator.id);
    await endOtherSessions(trx, operator.id, null);
    await audit(trx, { operator, act: 'operator.got_configured_password' });
  });
}
