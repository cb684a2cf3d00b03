// Collects what the legal pages say: the operator, the terms in days and every declared table.
import type { Config, PlanName } from '../base/config.ts';
import type { Chapter, TableDeclaration } from '../base/declaration.ts';
import type { Manifest } from '../context/context.ts';
import { declaredTables, type Tables } from './eraser.ts';
import { CHAPTERS, fillSettings, type Kept, listKeptTables, sortByChapter } from './labels.ts';
import { UPDATED } from './updated.ts';

interface Entry {
  called: string;
  purpose: string;
  /** What the columns hold. */
  holds: string[];
  legalBasis: string;
  recipients: string;
  kept: string;
  /** Why the rows stay after a creator is deleted; null when they do not. */
  remains: string | null;
}

export interface LegalView {
  operator: string;
  email: string | null;
  address: string | null;
  dataProtectionOfficer: string | null;
  authority: string | null;
  /** Set when the operator runs this for a controller (Art. 4(7) GDPR), who decides. */
  controller: string | null;
  updated: { on: string; declarations: string };
  chapters: { name: string; tables: Entry[] }[];
  /** The names of tables without personal data. */
  technicalTables: string[];
  remains: Kept[];
  recipients: { name: string; of: string[] }[];
  purposes: { basis: string; purposes: string[] }[];
  days: Record<
    'requests' | 'backups' | 'disconnected' | 'history' | 'inactive' | 'log' | 'media_longest',
    number
  >;
  plans: { name: PlanName; mediaDays: number; keyDays: number }[];
}

export function legalView(config: Config, modules: Manifest[]): LegalView {
  const tables = declaredTables(modules);
  const ofPeople = sortByChapter(tables).filter(([, { about }]) => about !== 'nobody');
  const plans = (['free', 'trial', 'paid'] as const).map((name) => ({
    name,
    mediaDays: config.plans[name].mediaDays,
    keyDays: config.plans[name].keyDays,
  }));
  return {
    ...describeOperator(config),
    updated: { on: longDate(UPDATED.on), declarations: UPDATED.declarations.slice(0, 12) },
    chapters: listChapters(ofPeople, config),
    technicalTables: listTechnicalTables(tables),
    remains: listKeptTables(config, tables),
    recipients: groupedBy(ofPeople, 'recipients').map(({ name, tables: those }) => ({
      name,
      of: those.map(({ called }) => called),
    })),
    purposes: groupedBy(ofPeople, 'legalBasis').map(({ name, tables: those }) => ({
      basis: name,
      purposes: unique(those.map(({ purpose }) => purpose)),
    })),
    days: {
      requests: config.REQUEST_RETENTION_DAYS,
      backups: config.BACKUP_DAYS,
      disconnected: config.DISCONNECTED_DAYS,
      history: config.JOB_HISTORY_DAYS,
      inactive: config.INACTIVE_DAYS,
      log: config.LOG_RETENTION_DAYS,
      media_longest: Math.max(...plans.map(({ mediaDays }) => mediaDays)),
    },
    plans,
  };
}

function describeOperator(config: Config) {
  return {
    operator: config.OPERATOR_NAME ?? 'PM3K',
    email: config.OPERATOR_EMAIL ?? null,
    address: config.OPERATOR_ADDRESS ?? null,
    dataProtectionOfficer: config.OPERATOR_DPO ?? null,
    authority: config.OPERATOR_AUTHORITY ?? null,
    controller: config.OPERATOR_ROLE === 'processor' ? (config.CONTROLLER_NAME ?? null) : null,
  };
}

function listChapters(tables: [string, TableDeclaration][], config: Config): LegalView['chapters'] {
  return Object.entries(CHAPTERS).flatMap(([chapter, name]) => {
    const entries = tables
      .filter(([, { about }]) => about === (chapter as Chapter))
      .map(([, declaration]) => toEntry(declaration, config));
    return entries.length === 0 ? [] : [{ name, tables: entries }];
  });
}

function toEntry(declaration: TableDeclaration, config: Config): Entry {
  const { called, purpose, columns, legalBasis, recipients, kept: term, owner } = declaration;
  return {
    called,
    purpose: fillSettings(purpose, config),
    holds: unique(Object.values(columns)).map((words) => fillSettings(words, config)),
    legalBasis,
    recipients,
    kept: fillSettings(term, config),
    remains: 'keep' in owner ? fillSettings(owner.keep, config) : null,
  };
}

function listTechnicalTables(tables: Tables): string[] {
  return sortByChapter(tables)
    .filter(([, { about }]) => about === 'nobody')
    .map(([, { called }]) => called);
}

/** Groups the tables by one of their fields, and leaves out the values that say "none". */
function groupedBy(
  tables: [string, TableDeclaration][],
  field: 'recipients' | 'legalBasis',
): { name: string; tables: TableDeclaration[] }[] {
  const declarations = tables.map(([, declaration]) => declaration);
  return unique(declarations.map((each) => each[field]))
    .filter((name) => name !== 'None' && name !== 'No personal data')
    .map((name) => ({ name, tables: declarations.filter((each) => each[field] === name) }));
}

function unique(words: string[]): string[] {
  return [...new Set(words)];
}

/** `2026-11-25` → `25 November 2026`. */
function longDate(day: string): string {
  return new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' }).format(
    new Date(`${day}T00:00:00Z`),
  );
}
