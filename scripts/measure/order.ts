// The order of the folders of src, from the ground up: the array that the architecture rests on.

/** A folder imports only from itself and from those before it; `wiring` is the files of src itself. */
export const ORDER = [
  'base',
  'storage',
  'queue',
  'continuity',
  'safe-fetch',
  'tiktok',
  'context',
  'events',
  'http',
  'creators',
  'access',
  'web',
  'domains',
  'media',
  'jobs',
  'account',
  'hosted-api',
  'privacy',
  'operators',
  'deletion',
  'deletion-requests',
  'retention',
  'connections',
  'records',
  'admin-overview',
  'wiring',
] as const;

/** `src/jobs/run/run.ts` → `jobs`, `src/app.ts` → `wiring`, `plugins/media/x.ts` → `plugins/media`. */
export function findFolder(path: string): string {
  const [top = '', folder = '', ...rest] = path.split('/');
  if (top !== 'src') return `${top}/${folder}`;
  return rest.length === 0 ? 'wiring' : folder;
}

/** Where a folder stands: plugins above all of src, and at -1 a folder that the order lacks. */
export function findRank(folder: string): number {
  return folder.startsWith('plugins/')
    ? ORDER.length
    : (ORDER as readonly string[]).indexOf(folder);
}
