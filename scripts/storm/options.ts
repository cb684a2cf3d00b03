// What a storm is asked to be, its defaults, and the intervals of the processes in it.
import { parseArgs } from 'node:util';
import { TIMING, type Timing } from '../../src/base/timing.ts';
import { wrongUsage } from '../fault.ts';

export interface StormOptions {
  /** How many posts are ordered. */
  jobs: number;
  /** How many times a process is ended by SIGKILL; the number of the other troubles follows. */
  kills: number;
  /** How many faults of TikTok are ordered. */
  faults: number;
  /** The same seed plans the same troubles, posts and faults. */
  seed: number;
  /** Production's intervals; otherwise a fifth of each. */
  hasDefaultIntervals: boolean;
  storage: 'disk' | 's3';
  /** Whether the clock of one process differs by minutes from that of the database. */
  shiftsClock: boolean;
  /** Whether the disk of DATA_DIR fills up, where this user may mount one. */
  fillsDisk: boolean;
}

/** Is told of every process that is started; what it returns is called when that one has ended. */
export type Hold = (pid: number) => () => void;

const USAGE =
  'Usage: npm run storm -- [--jobs N] [--kills K] [--faults F] [--seed S] [--storage disk|s3] [--defaults] [--no-clocks] [--no-full-disk]\n';
/** How much shorter the intervals are, so that a storm takes minutes and not hours. */
const DIVISOR = 5;

/** Throws a fault with the usage for anything that it does not know. */
export function parseOptions(args: string[]): StormOptions {
  try {
    const { values } = parseArgs({
      args,
      allowNegative: true,
      options: {
        jobs: { type: 'string', default: '100' },
        kills: { type: 'string', default: '10' },
        faults: { type: 'string', default: '40' },
        seed: { type: 'string', default: String(Date.now() % 1_000_000) },
        storage: { type: 'string', default: 'disk' },
        defaults: { type: 'boolean', default: false },
        clocks: { type: 'boolean', default: true },
        'full-disk': { type: 'boolean', default: true },
      },
    });
    if (values.storage !== 'disk' && values.storage !== 's3') throw new Error('storage');
    return {
      jobs: readCount(values.jobs, 1),
      kills: readCount(values.kills, 0),
      faults: readCount(values.faults, 0),
      seed: readCount(values.seed, 0),
      hasDefaultIntervals: values.defaults,
      storage: values.storage,
      shiftsClock: values.clocks,
      fillsDisk: values['full-disk'],
    };
  } catch {
    throw wrongUsage(USAGE);
  }
}

function readCount(text: string, least: number): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < least || count > 1e9) throw new Error(text);
  return count;
}

/** Returns the command that runs the same storm again. */
export function writeCommand(options: StormOptions): string {
  const { jobs, kills, faults, seed, storage } = options;
  const flags = [
    `--jobs ${jobs} --kills ${kills} --faults ${faults} --seed ${seed}`,
    ...(storage === 's3' ? ['--storage s3'] : []),
    ...(options.hasDefaultIntervals ? ['--defaults'] : []),
    ...(options.shiftsClock ? [] : ['--no-clocks']),
    ...(options.fillsDisk ? [] : ['--no-full-disk']),
  ];
  return `npm run storm -- ${flags.join(' ')}`;
}

/** Returns the intervals of the processes. */
export function chooseTiming({ hasDefaultIntervals }: StormOptions): Timing {
  if (hasDefaultIntervals) return TIMING;
  const divided = Object.entries(TIMING).map(([name, value]) => [name, divide(value)]);
  return Object.fromEntries(divided) as Timing;
}

/** Divides milliseconds, and the seconds in a line of cron, which knows no less than one. */
function divide(value: number | string): number | string {
  if (typeof value === 'number') return Math.round(value / DIVISOR);
  return value.replace(/^\*\/(\d+)/, (_, seconds) => {
    const shorter = Math.max(1, Math.round(Number(seconds) / DIVISOR));
    return `*/${shorter}`;
  });
}
