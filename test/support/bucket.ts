// A bucket of s3rver, an S3 server program, behind a gate that is as strict as S3 where s3rver is not.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { Env } from './appliance.ts';
import { isSigned } from './signature.ts';

/** What S3 does and s3rver does not: signatures, ending and listing uploads in parts, least part size. */
export interface TestBucket extends AsyncDisposable {
  url: string;
  /** The settings by which the appliance finds it. */
  env: Env;
  /** Uploads in parts that were neither completed nor aborted; tests may make them older. */
  uploads: Map<string, { place: string; begun_at: Date; parts: Map<number, number> }>;
  /** Answers with this status in place of the server's, once for each; null answers 200 with an error in it. */
  faults: { method: string; match: RegExp; status: number | null; count: number }[];
  requests: string[];
  /** How many names a page of a listing holds; S3 may choose to answer fewer than it is asked for. */
  page: number;
  /** What the bucket says of versioning; once suspended, it still holds an old version. */
  versioning: '' | 'Enabled' | 'Suspended';
  /** An object that is none of the appliance's. */
  putForeign(place: string): Promise<void>;
}

const KEY = 'S3RVER';
const LEAST_PART = 5 * 1024 * 1024;
const OLD_VERSION = '<Version><Key>V1/V1Removed</Key><IsLatest>false</IsLatest></Version>';

export async function aBucket(): Promise<TestBucket> {
  const S3rver = createRequire(import.meta.url)('s3rver');
  const directory = mkdtempSync(join(tmpdir(), 'pm3k-s3-'));
  const server = new S3rver({
    ...{ port: 0, address: '127.0.0.1', silent: true, directory },
    configureBuckets: [{ name: 'media' }],
  });
  const { port } = await server.run();
  const uploads: TestBucket['uploads'] = new Map();
  const faults: TestBucket['faults'] = [];
  const requests: string[] = [];

  const gate = createServer((incoming, answer) => {
    void buffer(incoming)
      .then((body) => handle(incoming, body, answer))
      .catch(() => answer.destroy());
  });

  async function handle(incoming: IncomingMessage, body: Buffer, answer: ServerResponse) {
    const { method = '', url = '' } = incoming;
    requests.push(`${method} ${url}`);
    const { searchParams, pathname } = new URL(url, 'http://x');
    const place = decodeURIComponent(pathname.replace(/^\/media\/?/, ''));
    const uploadId = searchParams.get('uploadId');
    const refuse = (status: number, code: string) => {
      answer.writeHead(status, { 'content-type': 'application/xml' });
      answer.end(`<Error><Code>${code}</Code><Message>Refused.</Message></Error>`);
    };
    if (!isSigned(incoming, body, KEY)) return refuse(403, 'SignatureDoesNotMatch');
    const fault = faults.find(
      (each) => each.method === method && each.match.test(url) && each.count > 0,
    );
    if (fault) {
      fault.count -= 1;
      return refuse(fault.status ?? 200, fault.status === 507 ? 'QuotaExceeded' : 'InternalError');
    }
    const upload = uploadId === null ? undefined : uploads.get(uploadId);
    if (uploadId !== null && upload?.place !== place) return refuse(404, 'NoSuchUpload');
    if (method === 'GET' && searchParams.has('versioning'))
      return answer.end(
        `<VersioningConfiguration><Status>${bucket.versioning}</Status></VersioningConfiguration>`,
      );
    if (method === 'GET' && searchParams.has('versions'))
      return answer.end(
        `<ListVersionsResult><IsTruncated>false</IsTruncated>${OLD_VERSION}</ListVersionsResult>`,
      );
    if (method === 'GET' && searchParams.has('uploads')) return answer.end(listed(uploads));
    if (method === 'DELETE' && uploadId !== null) {
      uploads.delete(uploadId);
      return answer.writeHead(204).end();
    }
    if (method === 'PUT') upload?.parts.set(Number(searchParams.get('partNumber')), body.length);
    if (
      method === 'POST' &&
      upload &&
      [...upload.parts.values()].slice(0, -1).some((size) => size < LEAST_PART)
    )
      return refuse(400, 'EntityTooSmall');
    const passed = await forward(port, incoming, {
      ...{ body, answer },
      rewrite: (xml) => (place === '' ? truncated(xml, bucket.page) : xml),
    });
    if (method === 'POST' && uploadId !== null) uploads.delete(uploadId);
    const begun = /<UploadId>([^<]+)/.exec(passed)?.[1];
    if (searchParams.has('uploads') && begun)
      uploads.set(begun, { place, begun_at: new Date(), parts: new Map() });
  }

  await new Promise<void>((done) => gate.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(gate.address() as AddressInfo).port}`;
  const bucket: TestBucket = {
    ...{ url, uploads, faults, requests, page: 1_000, versioning: '' as const },
    async putForeign(place) {
      await fetch(`http://127.0.0.1:${port}/media/${place}`, { method: 'PUT', body: 'theirs' });
    },
    env: {
      ...{ STORAGE: 's3', S3_ENDPOINT: url, S3_BUCKET: 'media' },
      ...{ S3_ACCESS_KEY_ID: KEY, S3_SECRET_ACCESS_KEY: KEY },
    },
    async [Symbol.asyncDispose]() {
      gate.closeAllConnections();
      await new Promise((done) => gate.close(done));
      await server.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
  return bucket;
}

interface Forwarded {
  body: Buffer;
  answer: ServerResponse;
  rewrite(xml: string): string;
}

/** Hands the request on; answers what came back where that is XML. */
function forward(
  port: number,
  { method, url, headers }: IncomingMessage,
  { body, answer, rewrite }: Forwarded,
): Promise<string> {
  return new Promise((done, fail) => {
    const onward = request({ host: '127.0.0.1', port, method, path: url, headers }, (incoming) => {
      const status = incoming.statusCode ?? 502;
      if (!/xml/.test(incoming.headers['content-type'] ?? '')) {
        answer.writeHead(status, incoming.headers);
        incoming.pipe(answer).once('close', () => done(''));
        return;
      }
      buffer(incoming).then((bytes) => {
        const xml = rewrite(bytes.toString());
        answer.writeHead(status, { 'content-type': 'application/xml' }).end(xml);
        done(xml);
      }, fail);
    });
    onward.once('error', fail);
    onward.end(body);
  });
}

/** s3rver cannot cut a listing short on this version of Node. */
function truncated(xml: string, page: number): string {
  let count = 0;
  const cut = xml.replaceAll(/<Contents>.*?<\/Contents>/gs, (entry) => {
    count += 1;
    return count > page ? '' : entry;
  });
  return count > page ? cut.replace(/(<IsTruncated>)false/, '$1true') : cut;
}

function listed(uploads: TestBucket['uploads']): string {
  const entries = [...uploads].map(
    ([id, { place, begun_at }]) =>
      `<Upload><Key>${place}</Key><UploadId>${id}</UploadId><Initiated>${begun_at.toISOString()}</Initiated></Upload>`,
  );
  return `<?xml version="1.0"?><ListMultipartUploadsResult><IsTruncated>false</IsTruncated>${entries.join('')}</ListMultipartUploadsResult>`;
}
