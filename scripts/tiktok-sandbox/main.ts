// Starts the sandbox (`npm run sandbox`) on SANDBOX_HOST and SANDBOX_PORT.
import { startSandbox } from './sandbox.ts';

try {
  const sandbox = await startSandbox({
    port: Number(process.env['SANDBOX_PORT'] ?? 3900),
    host: process.env['SANDBOX_HOST'] ?? '127.0.0.1',
  });
  process.stdout.write(`The sandbox listens on ${sandbox.url}\n`);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => sandbox.close().then(() => process.exit(0)));
  }
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exit(78);
}
