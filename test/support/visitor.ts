// A browser with its own cookies, for pages that lead through TikTok and back.
export class Visitor {
  readonly url: string;
  readonly cookies = new Map<string, string>();

  constructor(url: string) {
    this.url = url;
  }

  async get(address: string) {
    return this.#send(address, { method: 'GET' });
  }

  /** A form of one of our own pages. */
  async post(address: string, fields: Record<string, string> = {}) {
    const headers = { 'sec-fetch-site': 'same-origin' };
    return this.#send(address, { method: 'POST', headers, body: new URLSearchParams(fields) });
  }

  /** From the link's page over TikTok's consent and back; answers where that led, and what it says. */
  async signInBy(link: string, username: string, decision: 'allow' | 'deny' = 'allow') {
    const begin = /href="(\/auth\/tiktok\?proof=[^"]+)"/.exec((await this.get(link)).text)?.[1];
    if (!begin) throw new Error('Expected a page with the button that starts the sign-in');
    const consent = new URL((await this.get(begin)).location);
    const decided = await fetch(new URL('/v2/auth/authorize/', consent), {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams({ query: consent.search.slice(1), account: username, decision }),
    });
    const callback = await this.get(decided.headers.get('location') ?? '');
    return {
      scopes: consent.searchParams.get('scope'),
      callback,
      page: callback.location ? await this.get(callback.location) : callback,
    };
  }

  async #send(address: string, request: RequestInit) {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(new URL(address, this.url), {
      redirect: 'manual',
      ...request,
      headers: { accept: 'text/html', cookie, ...request.headers },
    });
    for (const line of answer.headers.getSetCookie()) {
      const [name = '', value = ''] = (line.split(';')[0] ?? '').split('=');
      if (value) this.cookies.set(name, value);
      else this.cookies.delete(name);
    }
    const location = answer.headers.get('location') ?? '';
    return { status: answer.status, location, text: await answer.text() };
  }
}
