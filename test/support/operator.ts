// An operator at the admin pages, as a browser on those pages sends its forms.
import type { Env } from './appliance.ts';

/** For `anAppliance`: the operator that it makes at its start. */
export const ADMIN: Env = {
  ADMIN_EMAIL: 'Ada@agency.example',
  ADMIN_PASSWORD: 'a very long password',
};

export class OperatorClient {
  readonly url: string;
  cookie: string;

  constructor(url: string, cookie = '') {
    this.url = url;
    this.cookie = cookie;
  }

  async page(path: string, headers: Env = {}) {
    const answer = await fetch(`${this.url}${path}`, {
      redirect: 'manual',
      headers: { cookie: this.cookie, accept: 'text/html', ...headers },
    });
    return { status: answer.status, text: await answer.text(), headers: answer.headers };
  }

  async form(path: string, fields: Env = {}, headers: Env = {}) {
    const answer = await fetch(`${this.url}${path}`, {
      method: 'POST',
      redirect: 'manual',
      headers: {
        cookie: this.cookie,
        accept: 'text/html',
        'sec-fetch-site': 'same-origin',
        ...headers,
      },
      body: new URLSearchParams(fields),
    });
    return { status: answer.status, text: await answer.text(), headers: answer.headers };
  }

  /** Posts the sign-in form, and keeps the cookie when there is one. */
  async signIn(email: string, password: string, totp = '') {
    const answer = await this.form('/admin/sign-in', { email, password, totp });
    const cookie = answer.headers.getSetCookie().find((each) => each.startsWith('pm3k_operator='));
    if (answer.status === 303 && cookie) this.cookie = cookie.split(';')[0] ?? '';
    return answer;
  }

  /** Another operator, added here, who has chosen a password and is signed in. */
  async addOperator(email: string, password = 'another long password'): Promise<OperatorClient> {
    const { text } = await this.form('/admin/operators', { email });
    const given = /<code id="given">([^<]+)</.exec(text)?.[1];
    if (!given) throw new Error(`Expected a page that shows a password, got: ${text}`);
    const other = new OperatorClient(this.url);
    await other.signIn(email, given);
    await other.form('/admin/password', { current: given, password });
    return other;
  }
}

/** The configured operator, signed in. */
export async function signedInOperator(url: string): Promise<OperatorClient> {
  const operator = new OperatorClient(url);
  const { status, text } = await operator.signIn(
    ADMIN['ADMIN_EMAIL'] as string,
    ADMIN['ADMIN_PASSWORD'] as string,
  );
  if (status !== 303) throw new Error(`Expected to be signed in, got ${status}: ${text}`);
  return operator;
}

/** The words of a page's main part, without its tags. */
export function readWords(html: string): string {
  return html
    .replace(/^[\s\S]*<main/, '<main')
    .replaceAll(/<[^>]+>/g, ' ')
    .replaceAll(/\s+/g, ' ');
}
