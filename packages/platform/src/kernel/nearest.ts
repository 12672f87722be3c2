/** Words differ by at most this part of the longer one to be taken for each other. */
const LIKE = 0.4;

/** The word that was probably meant, if one of these is near enough. */
export function nearest(word: string, among: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = Infinity;
  for (const other of among) {
    const edits = editsBetween(word.toLowerCase(), other.toLowerCase());
    if (edits < least && edits <= Math.max(word.length, other.length) * LIKE) [best, least] = [other, edits];
  }
  return best;
}

/** Letters to insert, delete, replace or swap with their neighbour (optimal string alignment distance). */
function editsBetween(a: string, b: string): number {
  let before: readonly number[] = [];
  let row: readonly number[] = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    const at = (cells: readonly number[], j: number): number => cells[j] ?? Infinity;
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      const isSwapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      next.push(
        Math.min(
          at(row, j) + 1,
          at(next, j - 1) + 1,
          at(row, j - 1) + same,
          isSwapped ? at(before, j - 2) + 1 : Infinity,
        ),
      );
    }
    [before, row] = [row, next];
  }
  return row[b.length] ?? Infinity;
}
