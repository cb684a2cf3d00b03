// Decides from its probe alone the least that must be done to a video.
import { Problem } from '#plugin';
import { encodeOptions, packOptions } from './encode.ts';
import type { Probe } from './probe.ts';
import { REPAIRS, type Rule } from './rules/rule.ts';
import { RULES } from './rules.ts';
import { targetFor } from './target.ts';

export interface Plan {
  act: 'nothing' | 'remux' | 'audio' | 'encode';
  container: 'mp4' | 'webm';
  /** ffmpeg's options before the input. */
  inputOptions: string[];
  /** ffmpeg's options before the output. */
  options: string[];
  /** A sentence for the creator about each change, with the reason. */
  changes: string[];
}

/**
 * Returns what must be done so that TikTok takes the video.
 *
 * @throws Problem `media_rejected` when the video breaks a rule that no conversion can satisfy.
 */
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
    changes: faults.map((fault) => describeChange(fault, target)),
  };
}

const DAMAGED = 'Parts of the file were damaged, so we converted what can be played.';

/**
 * Returns a plan that encodes a video anew: one that passed the rules but does not play to its end
 * (`damaged`), or one that ffmpeg could not copy into another container (`unpackable`).
 */
export function planToRescue(probe: Probe, why: 'damaged' | 'unpackable'): Plan {
  const faults = findFaults(probe).filter(({ rule }) => rule.repair !== 'refuse');
  const plan = encode(probe, faults);
  if (why === 'damaged') return { ...plan, changes: [DAMAGED, ...plan.changes] };
  const minor = faults.filter(({ rule }) => rule.isMinor);
  const changes = minor.map((fault) => `${fault.sentence}, so we converted it.`);
  return { ...plan, changes: [...changes, ...plan.changes] };
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
    changes: faults
      .filter(({ rule }) => !rule.isMinor)
      .map((fault) => describeChange(fault, target)),
  };
}

function describeChange(
  { rule, sentence }: Fault,
  target: Parameters<NonNullable<Rule['remedy']>>[0],
): string {
  return `${sentence}, ${rule.remedy?.(target) ?? 'so we repaired it'}.`;
}
