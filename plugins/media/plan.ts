// Decides what must be done to a file: all judgement, no process. The least that helps is chosen.
import { Problem } from '#plugin';
import { encodeOptions, packOptions } from './encode.ts';
import type { Probe } from './probe.ts';
import { REPAIRS, type Rule } from './rules/rule.ts';
import { RULES } from './rules.ts';
import { targetFor } from './target.ts';

export interface Plan {
  act: 'nothing' | 'remux' | 'audio' | 'encode';
  container: 'mp4' | 'webm';
  /** ffmpeg's, before its input and before its output. */
  inputOptions: string[];
  options: string[];
  /** One sentence each for the creator, with the reason. */
  changes: string[];
}

/** Throws `media_rejected` for what cannot be mended. */
export function planFor(probe: Probe): Plan {
  const faults = findFaults(probe);
  const grave = REPAIRS.find((repair) => faults.some(({ rule }) => rule.repair === repair));
  const [first] = faults;
  if (grave === 'refuse' && first) throw rejected(`${first.sentence}.`, first.rule.name);
  if (grave === 'encode') return encode(probe, faults);
  const target = targetFor(probe, false);
  const { container } = target;
  if (!grave) return { act: 'nothing', container, inputOptions: [], options: [], changes: [] };
  const act = grave === 'audio' ? 'audio' : 'remux';
  return {
    act,
    container,
    inputOptions: [],
    options: packOptions(probe, container, act === 'remux'),
    changes: faults.map((fault) => tell(fault, target)),
  };
}

const DAMAGED = 'Parts of the file were damaged, so we converted what can be played.';

/** For what looked well and did not play to its end, or could not be packed. */
export function planToSave(probe: Probe, why: 'damaged' | 'unpackable'): Plan {
  const faults = findFaults(probe).filter(({ rule }) => rule.repair !== 'refuse');
  const plan = encode(probe, faults);
  if (why === 'damaged') return { ...plan, changes: [DAMAGED, ...plan.changes] };
  const container = faults.filter(({ rule }) => rule.isMinor);
  const told = container.map((fault) => `${fault.sentence}, so we converted it.`);
  return { ...plan, changes: [...told, ...plan.changes] };
}

/** Returns the Problem that refuses a file. `rule` names the broken rule; only the API shows it. */
export function rejected(sentence: string, rule: string): Problem {
  return new Problem('media_rejected', sentence, { rule });
}

interface Fault {
  rule: Rule;
  sentence: string;
}

function findFaults(probe: Probe): Fault[] {
  return RULES.flatMap((rule) => {
    const sentence = rule.fault(probe);
    return sentence ? [{ rule, sentence }] : [];
  });
}

function encode(probe: Probe, faults: Fault[]): Plan {
  const target = targetFor(probe, true);
  return {
    act: 'encode',
    container: 'mp4',
    ...encodeOptions(probe, target),
    changes: faults.filter(({ rule }) => !rule.isMinor).map((fault) => tell(fault, target)),
  };
}

function tell(
  { rule, sentence }: Fault,
  target: Parameters<NonNullable<Rule['remedy']>>[0],
): string {
  return `${sentence}, ${rule.remedy?.(target) ?? 'so we mended it'}.`;
}
