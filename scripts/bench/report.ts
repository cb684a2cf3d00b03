// What a subject of the bench answers, and how it tells what it is doing.

export interface Ratio {
  what: string;
  /** Measured ÷ baseline of the same run. */
  ratio: number;
  limit: number;
}

export function tell(line: string): void {
  process.stdout.write(`  ${line}\n`);
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** From an env variable, so that a quick look need not wait for the whole. */
export function sizeFrom(name: string, size: number): number {
  return Number(process.env[name] ?? size);
}
