// Connects a sandbox account over HTTP as a browser does, and issues an API key.

export interface Connected {
  /** The session's cookie, as a `Cookie` header. */
  cookie: string;
  creator_id: string;
  key: string;
}

/**
 * Connects the account through the real pages: redirect, consent and callback. Returns the session.
 */
export async function connectAccount(
  appUrl: string,
  username: string,
  scopes: string[] = ['user.info.basic', 'video.publish', 'video.upload'],
): Promise<{ cookie: string }> {
  const begun = await fetch(`${appUrl}/auth/tiktok`, { redirect: 'manual' });
  const consentUrl = new URL(readLocation(begun));
  const form = new URLSearchParams({
    query: consentUrl.search.slice(1),
    account: username,
    decision: 'allow',
  });
  for (const scope of scopes) form.append('scope', scope);
  const decided = await fetch(new URL('/v2/auth/authorize/', consentUrl), {
    method: 'POST',
    body: form,
    redirect: 'manual',
  });
  const callback = await fetch(readLocation(decided), {
    headers: { cookie: readCookies(begun) },
    redirect: 'manual',
  });
  if (callback.status !== 303) {
    throw new Error(
      `Expected the callback to lead on, got ${callback.status}: ${await callback.text()}`,
    );
  }
  return { cookie: readCookies(callback) };
}

/** Connects the account and returns its session, its creator's id, and a new API key. */
export async function connectWithKey(appUrl: string, username: string): Promise<Connected> {
  const { cookie } = await connectAccount(appUrl, username);
  const issued = await fetch(`${appUrl}/api-key`, {
    method: 'POST',
    headers: { cookie, origin: new URL(appUrl).origin, 'sec-fetch-site': 'same-origin' },
    body: new URLSearchParams({ name: 'default' }),
  });
  const key = /pm3k_[a-z]+_[A-Za-z0-9]{40,}/.exec(await issued.text())?.[0];
  if (!key) throw new Error(`Expected a page that shows the key, got ${issued.status}`);
  const me = await fetch(`${appUrl}/v1/creators/me`, {
    headers: { authorization: `Bearer ${key}` },
  });
  const { id } = (await me.json()) as { id: string };
  return { cookie, creator_id: id, key };
}

function readLocation(answer: Response): string {
  const location = answer.headers.get('location');
  if (!location) throw new Error(`Expected a redirect, got ${answer.status}`);
  return location;
}

function readCookies(answer: Response): string {
  return answer.headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0] ?? '')
    .filter((cookie) => !cookie.endsWith('='))
    .join('; ');
}
