// A test process's connection to the broker. What it holds through it does not outlive the process.
import { randomUUID } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

/** The environment variable by which mocha's workers learn where the broker listens. */
export const BROKER_VARIABLE = 'PM3K_TEST_BROKER';

/** `database`: a fresh one. `port`: one that nobody else is given. */
export type Ask = 'database' | 'port';

export type Message =
  | { id: number; ask: Ask }
  /** A process, by its id, to end with us. */
  | { hold: number }
  | { release: number }
  /** A folder to remove with us. */
  | { folder: string };

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

const CONNECT_MS = 20_000;
const pending = new Map<number, Pending>();
let lastId = 0;
let connection: Promise<Socket> | undefined;

/** A new address for a broker: short, since a socket's path has at most 107 bytes. */
export function newBrokerPath(): string {
  return join(tmpdir(), `pm3k-tests-${randomUUID().slice(0, 13)}`, 'broker');
}

/** @throws when mocha did not start a broker, or the broker cannot do it. */
export async function askBroker<T>(ask: Ask): Promise<T> {
  const socket = await connected();
  lastId += 1;
  const id = lastId;
  return new Promise((resolve, reject) => {
    pending.set(id, { resolve: resolve as Pending['resolve'], reject });
    socket.ref();
    send(socket, { id, ask });
  });
}

/** Ends the process when this one ends; `releaseProcess` when it has ended by itself. */
export async function holdProcess(pid: number): Promise<void> {
  send(await connected(), { hold: pid });
}

/** Its id may soon belong to somebody else. */
export async function releaseProcess(pid: number): Promise<void> {
  send(await connected(), { release: pid });
}

/** Removes the folder when this process ends. */
export async function holdFolder(folder: string): Promise<void> {
  send(await connected(), { folder });
}

function send(socket: Socket, message: Message): void {
  socket.write(`${JSON.stringify(message)}\n`);
}

function connected(): Promise<Socket> {
  connection ??= open();
  return connection;
}

async function open(): Promise<Socket> {
  const path = process.env[BROKER_VARIABLE];
  if (!path) {
    throw new Error(
      `Expected ${BROKER_VARIABLE}; mocha sets it when it runs with this project's .mocharc.json`,
    );
  }
  const socket = await connectTo(path);
  createInterface({ input: socket }).on('line', (line) => receive(socket, line));
  socket.on('error', () => {});
  socket.once('close', () => {
    for (const { reject } of pending.values()) reject(new Error('The broker of the tests ended'));
    pending.clear();
  });
  // Nothing is awaited yet, so it must not keep mocha from ending.
  socket.unref();
  return socket;
}

function receive(socket: Socket, line: string): void {
  const { id, value, fault } = JSON.parse(line) as { id: number; value?: unknown; fault?: string };
  const waiting = pending.get(id);
  pending.delete(id);
  if (pending.size === 0) socket.unref();
  if (fault === undefined) waiting?.resolve(value);
  else waiting?.reject(new Error(`The broker of the tests failed: ${fault}`));
}

/** The broker may still be starting: mocha does not wait for it, since most runs of one file need none. */
async function connectTo(path: string): Promise<Socket> {
  const deadline = Date.now() + CONNECT_MS;
  for (;;) {
    const socket = connect(path);
    const error = await new Promise<Error | null>((done) => {
      socket.once('connect', () => done(null));
      socket.once('error', done);
    });
    if (!error) return socket;
    if (Date.now() > deadline) {
      throw new Error(`The broker of the tests did not answer: ${error.message}`);
    }
    await sleep(10);
  }
}
