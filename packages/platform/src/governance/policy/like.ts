/** One part of a `like` pattern in Cedar's JSON form. */
export type PatternPart = 'Wildcard' | { readonly Literal: string };

/**
 * Compiles a `like` pattern: `*` stands for any text, everything else for itself. Time is linear in
 * the text for each literal between two wildcards, whatever the text (no backtracking).
 */
export function compilePattern(parts: readonly PatternPart[]): (text: string) => boolean {
  const literals = [''];
  for (const part of parts) {
    if (part === 'Wildcard') literals.push('');
    else literals.push(`${literals.pop()}${part.Literal}`);
  }
  const [head = '', ...rest] = literals;
  const tail = rest.pop();
  if (tail === undefined) return (text) => text === head;
  const between = rest.filter((literal) => literal !== '');
  return (text) => {
    if (text.length < head.length + tail.length || !text.startsWith(head) || !text.endsWith(tail)) return false;
    let from = head.length;
    for (const literal of between) {
      const found = text.indexOf(literal, from);
      if (found < 0) return false;
      from = found + literal.length;
    }
    return from <= text.length - tail.length;
  };
}
