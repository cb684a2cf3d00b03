// A web server of a creator's on loopback, whose answers a test writes, and which remembers what it was asked.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

type Answer = string | Buffer | ((request: IncomingMessage, response: ServerResponse) => void);

export interface Source extends AsyncDisposable {
  /** `127.0.0.1:port`, as a creator names it where private networks are allowed. */
  host: string;
  url: string;
  /** Path → what is answered; anything else is a 404. */
  answers: Record<string, Answer>;
  /** Paths in the order in which they were asked for. */
  asked: string[];
}

export async function aSource(answers: Record<string, Answer> = {}): Promise<Source> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    const answer = answers[path];
    if (typeof answer === 'function') answer(request, response);
    else if (answer === undefined) response.writeHead(404).end('Not here');
    else response.writeHead(200, { 'content-length': Buffer.byteLength(answer) }).end(answer);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const host = `127.0.0.1:${(server.address() as { port: number }).port}`;
  return {
    host,
    url: `http://${host}`,
    answers,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

export const VERIFY = '/pm3k-verify.txt';

/** Answers with a status and headers alone. */
export function status(code: number, headers: Record<string, string> = {}): Answer {
  return (_request, response) => response.writeHead(code, headers).end();
}
