// The table of rules that a video is checked against, the gravest first.
import { PACKING, SOUND } from './rules/packing.ts';
import { PICTURE } from './rules/picture.ts';
import { REFUSALS } from './rules/reject-rules.ts';
import type { Rule } from './rules/rule.ts';

export const RULES: Rule[] = [...REFUSALS, ...PICTURE, ...SOUND, ...PACKING];
