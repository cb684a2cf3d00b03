// What a run of mocha in one process ends at its end; a worker of a parallel run leaves it to the broker.
const endings: (() => Promise<void>)[] = [];

export function atEnd(ending: () => Promise<void>): void {
  endings.push(ending);
}

export async function runAtEnd(): Promise<void> {
  for (const ending of endings.splice(0).reverse()) await ending();
}
