// Keeps DATA_DIR private to its owner: folders 0700, files 0600, also those of an older version.
import { chmodSync, type Dirent, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = 0o700;
/** Others may pass through to a folder of their own, and see nothing. */
const PASSAGE = 0o711;
const FILE = 0o600;

/** What PM3K keeps in DATA_DIR. PostgreSQL guards its own folder, which may be another user's. */
const OURS = /^(media|scratch|backups|app-secret.*|disk-id.*|postgres\.(log|lock))$/;

/** From now on what this process makes is readable by its own user alone. */
export function makePrivately(): void {
  process.umask(0o077);
}

/**
 * Closes what lies in DATA_DIR. `hasPassage`: PostgreSQL runs as another user and must reach its own
 * folder. Returns how many files belong to somebody else and stay as they are.
 */
export function closeDataDir(dataDir: string, hasPassage: boolean): number {
  let refused = 0;
  const close = (path: string, mode: number) => {
    if (!setMode(path, mode)) refused += 1;
  };
  for (const entry of readdirSync(dataDir, { withFileTypes: true })) {
    if (OURS.test(entry.name)) closeEntry(dataDir, entry, close);
  }
  close(dataDir, hasPassage || isServerAnothers(dataDir) ? PASSAGE : FOLDER);
  return refused;
}

/** Also where this process itself uses another database. */
function isServerAnothers(dataDir: string): boolean {
  const server = statSync(join(dataDir, 'postgres'), { throwIfNoEntry: false });
  return server !== undefined && server.uid !== process.getuid?.();
}

/** A folder that is closed was closed after all that is in it, so nothing in it is looked at. */
function closeEntry(
  parent: string,
  entry: Dirent,
  close: (path: string, mode: number) => void,
): void {
  const path = join(parent, entry.name);
  if (entry.isFile()) close(path, FILE);
  if (!entry.isDirectory() || readMode(path) === FOLDER) return;
  for (const child of listEntries(path)) closeEntry(path, child, close);
  close(path, FOLDER);
}

/** A folder may be another user's, or be removed meanwhile by another process. */
function listEntries(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

function readMode(path: string): number | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  return found && found.mode & 0o777;
}

function setMode(path: string, mode: number): boolean {
  if (readMode(path) === mode) return true;
  try {
    chmodSync(path, mode);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}
