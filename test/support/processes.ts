// Whether a process still runs, and how to end one that is not our child.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A zombie has ended, though nobody has asked for its exit code yet. */
export function isRunning(pid: number): boolean {
  if (!signal(pid, 0)) return false;
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch (error) {
    // Without /proc, on macOS, the signal has to do.
    return (error as NodeJS.ErrnoException).code === 'ENOENT' && signal(pid, 0);
  }
}

/** SIGTERM, since an appliance stops its embedded database then; SIGKILL where that does not help. */
export async function endProcess(pid: number, patienceMs = 5_000): Promise<void> {
  // A process that a test has stopped cannot end before it goes on.
  signal(pid, 'SIGTERM');
  signal(pid, 'SIGCONT');
  const deadline = Date.now() + patienceMs;
  while (isRunning(pid)) {
    if (Date.now() > deadline) signal(pid, 'SIGKILL');
    await sleep(20);
  }
}

function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
