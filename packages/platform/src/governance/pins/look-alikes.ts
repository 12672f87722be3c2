/** Letters of other scripts, and digits, that look like a Latin letter (after Unicode UTS #39, confusables; the ones fonts hardly tell apart). */
const LOOKS_LIKE: Readonly<Record<string, string>> = {
  // Cyrillic
  а: 'a',
  в: 'b',
  с: 'c',
  ԁ: 'd',
  е: 'e',
  ѐ: 'e',
  ё: 'e',
  һ: 'h',
  н: 'h',
  і: 'l',
  ї: 'l',
  ј: 'j',
  к: 'k',
  ӏ: 'l',
  м: 'm',
  о: 'o',
  р: 'p',
  ԛ: 'q',
  ѕ: 's',
  т: 't',
  ѵ: 'v',
  ԝ: 'w',
  х: 'x',
  у: 'y',
  ү: 'y',
  з: '3',
  г: 'r',
  п: 'n',
  и: 'u',
  // Greek
  α: 'a',
  β: 'b',
  ϲ: 'c',
  ε: 'e',
  η: 'n',
  ι: 'l',
  κ: 'k',
  ν: 'v',
  ο: 'o',
  ρ: 'p',
  σ: 'o',
  τ: 't',
  υ: 'u',
  χ: 'x',
  γ: 'y',
  ϳ: 'j',
  ω: 'w',
  μ: 'u',
  // Armenian, Cherokee and Latin beyond ASCII
  օ: 'o',
  ո: 'n',
  ս: 'u',
  հ: 'h',
  զ: 'q',
  ɑ: 'a',
  ɡ: 'g',
  ı: 'l',
  ɩ: 'l',
  ſ: 'f',
  ƒ: 'f',
  ø: 'o',
  ß: 'b',
  ð: 'o',
  þ: 'p',
  ł: 'l',
  đ: 'd',
  // ASCII among itself
  i: 'l',
  '1': 'l',
  '|': 'l',
  '!': 'l',
  '0': 'o',
  $: 's',
  '@': 'a',
};

/** The name without what is a matter of taste: case and separators. */
export const plainForm = (name: string): string =>
  name
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[\s._/:-]+/g, '');

/** What the name looks like: two that share it can be taken for each other. */
export function skeleton(name: string): string {
  const letters = plainForm(name)
    .normalize('NFD')
    .replaceAll(/[\p{M}\p{Default_Ignorable_Code_Point}]/gu, '');
  return Array.from(letters, (letter) => LOOKS_LIKE[letter] ?? letter)
    .join('')
    .replaceAll('rn', 'm')
    .replaceAll('vv', 'w');
}
