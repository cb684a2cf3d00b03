// `npm run dev [-- Node options]`: runs appliance and sandbox, and restarts them when files change.
import { join } from 'node:path';
import { ROOT, startSandboxed } from './sandboxed.ts';

// Templates are read at run time, so watching the imported files alone would miss them.
const WATCHED = ['src', 'plugins', 'templates', 'migrations'];

/** Ctrl-C ends both. Options of Node, such as `--inspect`, go to the appliance. */
async function main(): Promise<void> {
  await using dev = startSandboxed({
    appPort: Number(process.env['PORT'] ?? 3000),
    sandboxPort: Number(process.env['SANDBOX_PORT'] ?? 3900),
    dataDir: process.env['DATA_DIR'] ?? join(ROOT, '.dev'),
    nodeOptions: ['--watch-preserve-output', '--watch'],
    appNodeOptions: [
      ...WATCHED.map((folder) => `--watch-path=${join(ROOT, folder)}`),
      ...process.argv.slice(2),
    ],
    env: { LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'info' },
  });
  const ready = dev.waitUntilReady().then(
    () => process.stdout.write(`Open ${dev.appUrl}; the sandbox is ${dev.sandboxUrl}\n`),
    () => undefined,
  );
  await dev.ended;
  await ready;
}

if (import.meta.main) await main();
