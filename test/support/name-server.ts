// A name server on loopback that answers what a test says, and counts how often it was asked.
import { createSocket } from 'node:dgram';

const A = 1;
const AAAA = 28;

/** Addresses of a name by family; a text is the code of a failure (RFC 1035 §4.1.1). */
export type Zone = Record<string, { v4?: string[]; v6?: string[] } | 'SERVFAIL' | 'silence'>;

export interface NameServer extends AsyncDisposable {
  /** `127.0.0.1:port` */
  address: string;
  /** Questions in their order, e.g. `A media.example.com`. */
  asked: string[];
  zone: Zone;
}

export async function aNameServer(zone: Zone = {}): Promise<NameServer> {
  const socket = createSocket('udp4');
  const server = { zone, asked: [] as string[] };
  socket.on('message', (query, from) => {
    const { name, type, end } = question(query);
    server.asked.push(`${type === A ? 'A' : type === AAAA ? 'AAAA' : type} ${name}`);
    const found = server.zone[name];
    if (found === 'silence') return;
    const records =
      typeof found === 'object' ? ((type === A ? found.v4 : found.v6) ?? []).map(bytesOf) : [];
    const code = found === undefined ? 3 : found === 'SERVFAIL' ? 2 : 0;
    const head = Buffer.alloc(12);
    query.copy(head, 0, 0, 2);
    head.writeUInt16BE(0x8180 | code, 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(records.length, 6);
    const answers = records.map((address) => record(type, address));
    socket.send(
      Buffer.concat([head, query.subarray(12, end), ...answers]),
      from.port,
      from.address,
    );
  });
  await new Promise<void>((done) => socket.bind(0, '127.0.0.1', done));
  return Object.assign(server, {
    address: `127.0.0.1:${socket.address().port}`,
    [Symbol.asyncDispose]: () => new Promise<void>((done) => socket.close(() => done())),
  });
}

/** The name, its type, and where the question ends. */
function question(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += length + 1;
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

/** The name is that of the question, at byte 12; it may be kept for no second. */
function record(type: number, address: Buffer): Buffer {
  const head = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 0, 0, address.length]);
  return Buffer.concat([head, address]);
}

/** IPv4 in dots, or all eight groups of an IPv6 address. */
function bytesOf(address: string): Buffer {
  if (address.includes('.')) return Buffer.from(address.split('.').map(Number));
  const groups = address.split(':').map((group) => Number.parseInt(group, 16));
  return Buffer.from(groups.flatMap((group) => [group >> 8, group & 255]));
}
