// All measurements of a project as lines to print: each with its bound and what breaks it.
import { listFunctions, listSharedNames } from './functions.ts';
import {
  listFileCircles,
  listFolderGroups,
  listForeignPluginImports,
  listPluginNames,
  listUpwardImports,
} from './imports.ts';
import { listSnakeNames } from './names.ts';
import { listForeignUses } from './tables.ts';
import type { SourceFile } from './tree.ts';

export interface Measurement {
  name: string;
  value: number;
  /** The most that is allowed; absent where a number is only worth knowing. */
  most?: number;
  /** What was counted, where each one can be named. */
  list?: string[];
}

export function measure(files: SourceFile[]): Measurement[] {
  return [...measureOrder(files), ...measureFiles(files), ...measureFunctions(files)];
}

function measureOrder(files: SourceFile[]): Measurement[] {
  const groups = listFolderGroups(files).map((group) => group.join(' ⇄ '));
  const circles = listFileCircles(files).map((circle) => circle.join(' ⇄ '));
  return [
    count('groups of folders that import each other round', groups, 0),
    count('imports upward', listUpwardImports(files), 0),
    count('circles of files', circles, 0),
    count('imports of plugins beside #plugin', listForeignPluginImports(files), 0),
    count('tables touched by a folder that may not', listForeignUses(files), 0),
    { name: 'names of #plugin', value: listPluginNames(files).length, most: 30 },
  ];
}

function measureFiles(files: SourceFile[]): Measurement[] {
  const sizes = files.map(({ path, text }) => ({ path, lines: countLines(text) }));
  const lines = sizes.map((file) => file.lines);
  const long = sizes
    .filter((file) => file.lines > 200)
    .map((file) => `${file.path}: ${file.lines}`);
  return [
    { name: 'files', value: files.length },
    { name: 'lines of a file, median', value: percentile(lines, 50), most: 75 },
    { name: 'lines of a file, p95', value: percentile(lines, 95), most: 190 },
    { name: 'lines of the longest file', value: Math.max(0, ...lines) },
    count('files of more than 200 lines', long),
    count('first lines of more than 100 columns', listLongFirstLines(files)),
  ];
}

function measureFunctions(files: SourceFile[]): Measurement[] {
  const functions = files.flatMap(listFunctions);
  // A callback without a name is read as a part of the function around it.
  const named = functions.filter(({ name }) => name !== '');
  const lines = named.map((each) => each.lines);
  const place = (each: (typeof functions)[number]) => `${each.path}:${each.line} ${each.name}`;
  const long = functions.filter((each) => each.lines > 40);
  const wide = functions.filter((each) => each.parameters > 4);
  const nouns = functions.filter(({ name }) => /[a-z]Of$/.test(name));
  return [
    { name: 'functions with a name', value: named.length },
    { name: 'lines of a function, median', value: percentile(lines, 50) },
    { name: 'lines of a function, p95', value: percentile(lines, 95), most: 30 },
    count(
      'functions of more than 40 lines',
      long.map((each) => `${place(each)}: ${each.lines}`),
    ),
    count('functions of more than four parameters', wide.map(place), 0),
    count('snake_case variables, parameters and functions', files.flatMap(listSnakeNames), 0),
    count('function names that several files export', listSharedNames(files), 0),
    count('functions named …Of', nouns.map(place)),
  ];
}

function count(name: string, list: string[], most?: number): Measurement {
  return { name, value: list.length, list, ...(most === undefined ? {} : { most }) };
}

function listLongFirstLines(files: SourceFile[]): string[] {
  return files
    .map(({ path, text }) => ({ path, columns: text.split('\n')[0]?.length ?? 0 }))
    .filter(({ columns }) => columns > 100)
    .map(({ path, columns }) => `${path}: ${columns}`);
}

function countLines(text: string): number {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
}

/** The smallest value that so many per cent do not exceed. */
export function percentile(values: number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? 0;
}

export function isBroken({ value, most }: Measurement): boolean {
  return most !== undefined && value > most;
}

/** One line per measurement; what was counted follows where the bound is broken, or always if long. */
export function print(measurements: Measurement[], isLong = false): string {
  const width = Math.max(...measurements.map(({ name }) => name.length));
  return measurements
    .flatMap((each) => {
      const bound = each.most === undefined ? '' : `  (at most ${each.most})`;
      const sign = isBroken(each) ? '✗' : ' ';
      const head = `${sign} ${each.name.padEnd(width)}  ${String(each.value).padStart(5)}${bound}`;
      const isListed = isBroken(each) || isLong;
      return [head, ...(isListed ? (each.list ?? []).map((line) => `      ${line}`) : [])];
    })
    .join('\n');
}
