// Summarizes what is changed about the photos of a post: each sentence once, with its photos.

/** Takes the sentences of each photo. Numbers count from 1; a single photo gets none. */
export function summarizeChanges(changes: string[][]): string[] {
  const about = new Map<string, number[]>();
  for (const [index, sentences] of changes.entries()) {
    for (const sentence of sentences) {
      about.set(sentence, [...(about.get(sentence) ?? []), index + 1]);
    }
  }
  if (changes.length === 1) return [...about.keys()];
  return [...about].map(
    ([sentence, numbers]) => `${namePhotos(numbers, changes.length)}: ${sentence}`,
  );
}

function namePhotos(numbers: number[], all: number): string {
  if (numbers.length === all) return 'All photos';
  const last = numbers.at(-1);
  return numbers.length === 1
    ? `Photo ${last}`
    : `Photos ${numbers.slice(0, -1).join(', ')} and ${last}`;
}
