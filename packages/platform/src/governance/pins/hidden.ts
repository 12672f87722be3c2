import type { Json } from '@aip/wire';

/**
 * Characters that a person who reads a definition does not see and a model does: zero-width and other invisible ones,
 * bidirectional controls, tags, variation selectors (Unicode property Default_Ignorable_Code_Point), and controls,
 * which to a terminal are commands (ECMA-48).
 */
const HIDDEN = /[\p{Default_Ignorable_Code_Point}\u{fff9}-\u{fffb}]|(?![\t\n\r])\p{Cc}/gu;

/** Where an invisible character is part of how something is written: emoji sequences (UTS #51), joiners inside words of scripts that join. */
const WRITTEN = [
  /\p{Extended_Pictographic}\p{Emoji_Modifier}?[\u{fe0e}\u{fe0f}]?(?:\u{200d}\p{Extended_Pictographic}\p{Emoji_Modifier}?\u{fe0f}?)*/gu,
  /[0-9#*]\u{fe0f}\u{20e3}/gu,
  /(?<=[\p{L}\p{M}])(?<![\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Han}])[\u{200c}\u{200d}](?=[\p{L}\p{M}])(?![\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Han}])/gu,
];

/** Places that are named; more than one is enough to look. */
const MAX_NAMED = 8;
const MAX_DEPTH = 64;

/** Hidden characters anywhere in a definition, keys included, as `<JSON Pointer>: U+200B U+202E`. */
export function hiddenCharacters(definition: Json): string[] {
  const found: string[] = [];
  look(definition, '', 0);
  return found;

  function look(value: Json, path: string, depth: number): void {
    if (found.length >= MAX_NAMED) return;
    if (typeof value === 'string') {
      const hidden = codePoints(value);
      if (hidden.length > 0) found.push(`${path}: ${hidden.join(' ')}`);
      return;
    }
    if (typeof value !== 'object' || value === null) return;
    // Nobody reads so deep, so whatever is there is hidden.
    if (depth >= MAX_DEPTH) return void found.push(`${path.slice(0, 200)}: nested deeper than ${MAX_DEPTH}`);
    for (const [key, inner] of Object.entries(value)) {
      const hidden = codePoints(key);
      if (hidden.length > 0) found.push(`${path}/${visible(key)} (the name itself): ${hidden.join(' ')}`);
      look(inner, `${path}/${visible(key)}`, depth + 1);
    }
  }
}

function codePoints(text: string): string[] {
  const bare = WRITTEN.reduce((rest, pattern) => rest.replaceAll(pattern, ''), text);
  const found = new Set((bare.match(HIDDEN) ?? []).map(nameOf));
  return [...found].slice(0, MAX_NAMED);
}

const nameOf = (character: string): string =>
  `U+${character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}`;

/** The text as it can be shown to an operator: what is hidden is spelt out, so that no terminal obeys it. */
export const visible = (text: string): string => text.replaceAll(HIDDEN, (character) => `<${nameOf(character)}>`);
