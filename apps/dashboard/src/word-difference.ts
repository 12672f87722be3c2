/** A piece of a text that is in both, only in the old, or only in the new. */
export interface Piece {
  readonly in: 'both' | 'old' | 'new';
  readonly text: string;
}

/** Words that are compared with one another at most; longer texts are shown one after the other. */
const MAX_WORDS = 600;

/** How a text has changed, word by word: the longest common subsequence, neighbours of a kind joined. */
export function wordDifference(before: string, after: string): Piece[] {
  const [old, now] = [words(before), words(after)];
  if (old.length > MAX_WORDS || now.length > MAX_WORDS) return joined([...pieces(old, 'old'), ...pieces(now, 'new')]);
  // lengths[i][j]: of the longest common subsequence of old[i…] and now[j…].
  const lengths = Array.from({ length: old.length + 1 }, () => new Uint16Array(now.length + 1));
  const at = (i: number, j: number): number => lengths[i]?.[j] ?? 0;
  for (let i = old.length - 1; i >= 0; i--) {
    const row = lengths[i] as Uint16Array;
    for (let j = now.length - 1; j >= 0; j--)
      row[j] = isSame(old[i], now[j]) ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  }
  const found: Piece[] = [];
  let [i, j] = [0, 0];
  while (i < old.length && j < now.length) {
    if (isSame(old[i], now[j])) found.push(...same(old[i++] as string, now[j++] as string));
    else if (at(i + 1, j) >= at(i, j + 1)) found.push({ in: 'old', text: old[i++] as string });
    else found.push({ in: 'new', text: now[j++] as string });
  }
  return joined([...found, ...pieces(old.slice(i), 'old'), ...pieces(now.slice(j), 'new')]);
}

/** Words with the space behind them, and signs one by one. */
const words = (text: string): string[] => text.match(/[\p{L}\p{N}_]+\s*|[^\p{L}\p{N}_]\s*/gu) ?? [];

/** Whether two are the same word, whatever space stands behind it: a word at an end that moves has not changed. */
const isSame = (one: string | undefined, other: string | undefined): boolean => one?.trimEnd() === other?.trimEnd();

function same(before: string, after: string): Piece[] {
  if (before === after) return [{ in: 'both', text: before }];
  const word = before.trimEnd();
  return [
    { in: 'both', text: word },
    { in: 'old', text: before.slice(word.length) },
    { in: 'new', text: after.slice(word.length) },
  ];
}

const pieces = (texts: readonly string[], kind: Piece['in']): Piece[] => texts.map((text) => ({ in: kind, text }));

function joined(found: readonly Piece[]): Piece[] {
  const result: Piece[] = [];
  for (const piece of found) {
    if (piece.text === '') continue;
    const last = result.at(-1);
    if (last?.in === piece.in) result[result.length - 1] = { in: piece.in, text: last.text + piece.text };
    else result.push(piece);
  }
  return result;
}
