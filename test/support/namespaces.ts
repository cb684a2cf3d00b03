// Runs a program as another container does: in process, IPC and mount namespaces of its own.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { ROOT } from './appliance.ts';

const NEW = ['--pid', '--ipc', '--mount', '--mount-proc', '--fork', '--kill-child'];
// Who is not root gets the right to it in a user namespace, where the system allows one.
const WHO = process.getuid?.() === 0 ? [] : ['--user', '--map-current-user', '--keep-caps'];
/** The folder $1 is also seen at $2, as a volume that is mounted at another path. */
const AT_ANOTHER_PATH = 'mount --bind "$1" "$2" && shift 2 && exec "$@"';

export interface Ended {
  code: number | null;
  printed: string;
}

/** Returns why this machine makes no namespaces; null if it does. */
export function findObstacle(): string | null {
  const { status, stderr, error } = spawnSync('unshare', [...WHO, ...NEW, 'true']);
  return status === 0 ? null : String(error ?? stderr).trim();
}

/** Runs Node with these arguments, in namespaces if there is a folder to be seen at another path. */
export async function runNode(
  args: string[],
  env: Record<string, string>,
  seen?: { from: string; at: string },
): Promise<Ended> {
  const node = [process.execPath, ...args];
  const [program, ...rest] = seen
    ? ['unshare', ...WHO, ...NEW, 'sh', '-c', AT_ANOTHER_PATH, 'sh', seen.from, seen.at, ...node]
    : node;
  const child = spawn(program as string, rest, {
    cwd: ROOT,
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (part) => {
      printed += part;
    });
  }
  const code = await new Promise<number | null>((done) => child.once('close', done));
  return { code, printed };
}

/** Starts the database of a folder in a container that lives on when the database's owner is killed. */
export function startContainer(folder: string) {
  const node = [process.execPath, '--input-type=module', '-e', KILLED, folder];
  const script = ['sh', '-c', '"$@"; echo killed; exec sleep 600', 'sh', ...node];
  const child = spawn('unshare', [...WHO, ...NEW, ...script], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = once(child, 'close');
  return {
    killed: new Promise<void>((done) => {
      child.stdout.on('data', (part) => String(part).includes('killed') && done());
    }),
    async stop() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

const KILLED = `
  import { createLog } from './src/base/log.ts';
  import { startEmbeddedPostgres } from './src/base/embedded-postgres.ts';
  await startEmbeddedPostgres(process.argv[1], createLog('error'));
  process.kill(process.pid, 'SIGKILL');
`;
