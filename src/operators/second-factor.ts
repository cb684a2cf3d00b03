// The second factor of operators: time-based codes (RFC 6238), each of which works once.
import { Secret, TOTP } from 'otpauth';
import { readDatabaseTime } from '../base/database-time.ts';
import type { Context } from '../context/context.ts';
import { type Operator, useTotpStep } from './store.ts';

const PERIOD_SECONDS = 30;
// The previous and the next code are accepted too, since phones' clocks are not exact.
const WINDOW = 1;

const sealContext = (id: string) => `operators.totp_secret:${id}`;

/** Returns a new secret, sealed for this operator's row. */
export function newSecret(ctx: Context, operatorId: string): string {
  return ctx.secrets.seal(new Secret({ size: 20 }).base32, sealContext(operatorId));
}

/** Returns what an authenticator app needs: the secret to type, and the URI of the QR code. */
export function readEnrolment(ctx: Context, operator: Operator): { secret: string; uri: string } {
  const totp = createTotp(ctx, operator);
  if (!totp) throw new Error('Expected an operator with a secret, found none');
  return { secret: totp.secret.base32, uri: totp.toString() };
}

/** Returns whether the code is right and unused, and uses it up. */
export async function useCode(ctx: Context, operator: Operator, code: string): Promise<boolean> {
  const token = code.replaceAll(/\s/g, '');
  if (!/^\d{6}$/.test(token)) return false;
  const now = (await readDatabaseTime(ctx.db)).getTime();
  const delta =
    createTotp(ctx, operator)?.validate({ token, window: WINDOW, timestamp: now }) ?? null;
  if (delta === null) return false;
  const step = Math.floor(now / 1000 / PERIOD_SECONDS) + delta;
  return useTotpStep(ctx.db, operator.id, step);
}

function createTotp(ctx: Context, { id, email, totp_secret }: Operator): TOTP | null {
  if (!totp_secret) return null;
  return new TOTP({
    issuer: ctx.config.OPERATOR_NAME ?? 'PM3K',
    label: email,
    period: PERIOD_SECONDS,
    secret: Secret.fromBase32(ctx.secrets.open(totp_secret, sealContext(id))),
  });
}
