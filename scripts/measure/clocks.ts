// Who asks this machine's clock: the database's decides what is due or expired.
import { findLine, type SourceFile, walk } from './tree.ts';

/** The files that may, and why. All others take the database's time. */
export const CLOCK_READERS: Record<string, string> = {
  'src/base/database-time.ts': 'compares both clocks, and has no other before the first reading',
  'src/base/log.ts': 'lines of the log carry the time of the machine that wrote them',
  'src/base/scratch.ts': 'times of files are those of the machine',
  'src/retention/scratch.ts': 'times of files are those of the machine',
  'src/storage/fs.ts': 'times of files are those of the machine',
  'src/storage/backups.ts': 'times of files are those of the machine',
  'src/access/sessions.ts': 'lucia compares with it, so it is given the time that is left',
};

/** Returns `path:line` of each `Date.now`, and of each `new Date()` without an argument. */
export function listClockUses(files: SourceFile[]): string[] {
  return files.flatMap((file) => {
    const found: string[] = [];
    walk(file.program, (node) => {
      const isNow =
        node.type === 'MemberExpression' &&
        isDate(node.object) &&
        node.property.type === 'Identifier' &&
        node.property.name === 'now';
      const isNewest =
        (node.type === 'NewExpression' || node.type === 'CallExpression') &&
        isDate(node.callee) &&
        (node.arguments.length === 0 || node.type === 'CallExpression');
      if (isNow || isNewest) found.push(`${file.path}:${findLine(file, node.start)}`);
    });
    return found;
  });
}

function isDate(node: { type: string }): boolean {
  return node.type === 'Identifier' && (node as { name?: string }).name === 'Date';
}
