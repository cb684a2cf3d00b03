// The second factor: time-based codes (RFC 6238), each of which works once.
import { Secret, TOTP } from 'otpauth';
import type { Context } from '../context/context.ts';
import { type Operator, useTotpStep } from './store.ts';

const PERIOD_SECONDS = 30;
// A code before and one after: telephones' clocks are not exact.
const WINDOW = 1;

const sealContext = (id: string) => `operators.totp_secret:${id}`;

/** A new secret, sealed for this operator's row. */
export function newSecret(ctx: Context, operatorId: string): string {
  return ctx.secrets.seal(new Secret({ size: 20 }).base32, sealContext(operatorId));
}

/** For the app on the telephone: the secret to type, and the address to scan. */
export function enrolment(ctx: Context, operator: Operator): { secret: string; uri: string } {
  const totp = createTotp(ctx, operator);
  if (!totp) throw new Error('Expected an operator with a secret, found none');
  return { secret: totp.secret.base32, uri: totp.toString() };
}

/** Whether the code is this operator's now; then it is used up. */
export async function useCode(ctx: Context, operator: Operator, code: string): Promise<boolean> {
  const token = code.replaceAll(/\s/g, '');
  if (!/^\d{6}$/.test(token)) return false;
  const now = Date.now();
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
