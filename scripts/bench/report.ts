// Defines the result of a bench subject, and prints its progress.

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

/** Returns the number in an env variable, or the default; smaller sizes make a quicker run. */
export function sizeFrom(name: string, size: number): number {
  return Number(process.env[name] ?? size);
}
