// A process beside mocha that owns what tests share: one PostgreSQL, the ports, and what a killed test leaves behind.
// Mocha starts it with a pipe as standard input. When the pipe ends, for whatever reason, it cleans up and ends.
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import type { Ask, Message } from './broker-client.ts';
import { nextPort } from './ports.ts';
import { endProcess } from './processes.ts';
import type { TestServer } from './test-server.ts';

const socketPath = process.argv[2];
if (!socketPath) throw new Error('Expected the path of the socket to listen on');
const folder = dirname(socketPath);

let server: Promise<TestServer> | undefined;
/** Cleanups of test processes that have ended. */
const cleanups = new Set<Promise<void>>();
const connections = new Map<Socket, Promise<void>>();

const answers: Record<Ask, () => Promise<unknown>> = {
  async database() {
    // PostgreSQL's client and ours take half a second to load, so they wait for the first request.
    server ??= import('./test-server.ts').then(({ startTestServer }) => startTestServer(folder));
    return (await server).createDatabase();
  },
  port: nextPort,
};

/** Serves one test process. All that it held is ended and removed when its connection ends. */
function serve(connection: Socket): void {
  const held = { pids: new Set<number>(), folders: new Set<string>() };
  const closed = new Promise<void>((done) => connection.once('close', () => done()));
  connections.set(connection, closed);
  connection.on('error', () => {});
  createInterface({ input: connection }).on('line', (line) => {
    const message = JSON.parse(line) as Message;
    if ('ask' in message) answer(connection, message);
    else if ('hold' in message) held.pids.add(message.hold);
    else if ('release' in message) held.pids.delete(message.release);
    else held.folders.add(message.folder);
  });
  closed.then(() => {
    connections.delete(connection);
    const cleanup = cleanUp(held).finally(() => cleanups.delete(cleanup));
    cleanups.add(cleanup);
  });
}

async function answer(connection: Socket, { id, ask }: { id: number; ask: Ask }): Promise<void> {
  const reply = await answers[ask]().then(
    (value) => ({ id, value }),
    (error: Error) => ({ id, fault: error.stack ?? error.message }),
  );
  if (!connection.destroyed) connection.write(`${JSON.stringify(reply)}\n`);
}

async function cleanUp({ pids, folders }: { pids: Set<number>; folders: Set<string> }) {
  await Promise.all([...pids].map((pid) => endProcess(pid)));
  for (const each of folders) rmSync(each, { recursive: true, force: true });
}

let isEnding = false;

async function endAll(): Promise<void> {
  if (isEnding) return;
  isEnding = true;
  listener.close();
  // Mocha's workers end with mocha; until then their processes may still be in use.
  const closed = [...connections.values()];
  for (const connection of connections.keys()) connection.destroy();
  await Promise.all(closed);
  await Promise.all(cleanups);
  await server?.then((started) => started.stop()).catch(() => {});
  rmSync(folder, { recursive: true, force: true });
  process.exit(0);
}

// PostgreSQL runs as another user when we are root, and must find its folder below this one.
mkdirSync(folder, { mode: 0o755 });
const listener = createServer(serve).listen(socketPath, () => chmodSync(socketPath, 0o600));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
process.stdin.resume().once('close', endAll);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, endAll);
