/** The known name that a mistyped one most likely means; undefined where none is near. */
export function suggest(given: string, known: readonly string[]): string | undefined {
  const wanted = given.toLowerCase().replace(/[-_]/g, '');
  const limit = Math.max(1, Math.floor(given.length / 3));
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const name of known) {
    const distance = editDistance(wanted, name.toLowerCase().replace(/[-_]/g, ''));
    if (distance < bestDistance) [best, bestDistance] = [name, distance];
  }
  return best;
}

/** ` – did you mean X?`, or the list of what there is where nothing is near. */
export function suggestion(given: string, known: readonly string[]): string {
  const near = suggest(given, known);
  if (near !== undefined) return `did you mean ${near}?`;
  return known.length === 0 ? 'there is none to choose from' : `there ${known.length === 1 ? 'is' : 'are'} ${known.join(', ')}`;
}

/** Insertions, deletions, changes and swaps of neighbours that make one text of the other (Damerau–Levenshtein, restricted). */
function editDistance(a: string, b: string): number {
  const width = b.length + 1;
  const cells = new Uint16Array((a.length + 1) * width);
  const at = (i: number, j: number) => cells[i * width + j] as number;
  for (let i = 0; i <= a.length; i++) cells[i * width] = i;
  for (let j = 0; j <= b.length; j++) cells[j] = j;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      let cost = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, at(i - 2, j - 2) + 1);
      cells[i * width + j] = cost;
    }
  }
  return at(a.length, b.length);
}
