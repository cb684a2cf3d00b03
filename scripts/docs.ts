// Writes the tables of the READMEs from the code: settings, error codes, states, routes.
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { z } from 'zod';
import { ERROR_CODES } from '../src/base/errors.ts';
import { SETTINGS } from '../src/base/settings.ts';
import { ALL_STATES, STATES, toShownStep, toStatus } from '../src/jobs/states.ts';
import { loadModules, settingSchemas } from '../src/modules.ts';
import { fingerprint } from '../src/privacy/fingerprint.ts';
import { UPDATED } from '../src/privacy/updated.ts';

const ROOT = resolve(import.meta.dirname, '..');

/**
 * Returns the tables by the name that stands in their marks, `<!-- name -->` and `<!-- /name -->`.
 */
export async function tables(): Promise<Record<string, string>> {
  const modules = await loadModules();
  const settings = { ...SETTINGS, ...settingSchemas(modules) };
  const routes = modules.flatMap((module) => module.api ?? []);
  return {
    settings: table(
      ['Variable', 'Default', 'What'],
      Object.entries(settings).map(([name, schema]) => [
        `\`${name}\``,
        findDefault(schema),
        schema.description ?? '',
      ]),
    ),
    errors: table(
      ['Code', 'HTTP', 'Meaning'],
      Object.entries(ERROR_CODES).map(([code, [status, title]]) => [
        `\`${code}\``,
        String(status),
        title,
      ]),
    ),
    states: table(
      ['State', 'Moved on by', 'To', 'Status in the API', 'Step in the API'],
      ALL_STATES.map((state) => {
        const entry = STATES[state];
        return [
          `\`${state}\``,
          entry ? `\`${entry.step}\`` : 'an end',
          entry ? `\`${entry.next}\`` : '',
          `\`${toStatus({ state, send_at: new Date(0), waiting_code: null })}\``,
          toShownStep(state) ?? '',
        ];
      }),
    ),
    routes: table(
      ['Call', 'Does'],
      routes.map((route) => [
        `\`${route.method.toUpperCase()} ${route.root ?? '/v1'}${route.path}\``,
        route.summary,
      ]),
    ),
  };
}

/** Returns what the schema makes of a missing value, as Markdown; '' when there is no default. */
function findDefault(schema: z.ZodType): string {
  const result = schema.safeParse(undefined);
  if (!result.success || result.data === undefined) return '';
  // The description names a default that depends on the machine.
  if (schema.description?.includes('Default: ')) return '';
  return `\`${Array.isArray(result.data) ? result.data.join(',') : String(result.data)}\``;
}

function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Returns the text with its marked tables replaced by those in `made`. */
export function filled(text: string, made: Record<string, string>): string {
  return Object.entries(made).reduce(
    (all, [name, body]) =>
      all.replace(
        new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*?(<!-- /${name} -->)`),
        (_, open, close) => `${open}${body}\n${close}`,
      ),
    text,
  );
}

export const DOCUMENTS = ['README.md', 'src/README.md'];

/** Updates the date that the legal pages show, when the declarations they print have changed. */
async function dateDeclarations(): Promise<void> {
  const declarations = fingerprint(await loadModules());
  if (declarations === UPDATED.declarations) return;
  const path = join(ROOT, 'src/privacy/updated.ts');
  const today = new Date().toISOString().slice(0, 10);
  const dated = readFileSync(path, 'utf8')
    .replace(/(on: ')[^']*/, `$1${today}`)
    .replace(/(declarations:\s+')[^']*/, `$1${declarations}`);
  writeFileSync(path, dated);
}

if (import.meta.main) {
  const made = await tables();
  for (const name of DOCUMENTS) {
    const path = join(ROOT, name);
    writeFileSync(path, filled(readFileSync(path, 'utf8'), made));
  }
  await dateDeclarations();
}
