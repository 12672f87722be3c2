import { stripVTControlCharacters, styleText } from 'node:util';

/** How a text stands out on a terminal; the same text where colours are not wanted. */
export type Style = (look: 'bold' | 'dim' | 'red' | 'green' | 'yellow', text: string) => string;

/** Colours only on a terminal, and never where `NO_COLOR` is set (no-color.org) or the terminal is dumb. */
export function styleFor(terminal: boolean, env: Readonly<Record<string, string | undefined>>): Style {
  if (!terminal || env['NO_COLOR'] || env['TERM'] === 'dumb') return (_look, text) => text;
  return (look, text) => styleText(look, text, { validateStream: false });
}

export interface Column<Row> {
  readonly title: string;
  readonly of: (row: Row) => string | number | undefined;
  readonly align?: 'right';
  readonly look?: (row: Row) => Parameters<Style>[0] | undefined;
}

/** Rows in aligned columns, the last one ragged. Texts of others cannot move the cursor or change the terminal. */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[], style: Style): string {
  const cells = rows.map((row) => columns.map(({ of }) => printable(of(row))));
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...cells.map((line) => line[index]?.length ?? 0)),
  );
  const pad = (text: string, index: number): string => {
    if (columns[index]?.align === 'right') return text.padStart(widths[index] ?? 0);
    return index === columns.length - 1 ? text : text.padEnd(widths[index] ?? 0);
  };
  const heading = columns.map(({ title }, index) => style('dim', pad(title, index))).join('  ');
  const lines = cells.map((line, at) =>
    line
      .map((text, index) => {
        const look = columns[index]?.look?.(rows[at] as Row);
        return look ? style(look, pad(text, index)) : pad(text, index);
      })
      .join('  '),
  );
  return [heading, ...lines].map((line) => line.trimEnd()).join('\n');
}

/** Columns that a table is to fit into. */
const TABLE_WIDTH = 80;

/** A table whose last column is cut where the lines would get longer than 80 characters; `-o json` has it whole. */
export function clipped<Row>(rows: readonly Row[], columns: readonly Column<Row>[], style: Style): string {
  const last = columns.at(-1);
  if (!last) return '';
  const taken = columns
    .slice(0, -1)
    .reduce(
      (sum, { title, of }) => sum + 2 + Math.max(title.length, ...rows.map((row) => printable(of(row)).length)),
      0,
    );
  const room = Math.max(last.title.length, TABLE_WIDTH - taken);
  const of = (row: Row): string => {
    return cut(printable(last.of(row)), room);
  };
  return table(rows, [...columns.slice(0, -1), { ...last, of }], style);
}

/** A text of at most `room` characters. */
export const cut = (text: string, room: number): string => (text.length <= room ? text : `${text.slice(0, room - 1)}…`);

/** Names and values below each other. What is undefined is left out. */
export function fields(values: Readonly<Record<string, string | number | undefined>>, style: Style): string {
  const shown = Object.entries(values).filter(([, value]) => value !== undefined);
  const width = Math.max(...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${style('dim', name.padEnd(width))}  ${printable(value)}`).join('\n');
}

/** A value as one line of plain text. */
export function printable(value: string | number | undefined): string {
  const text = stripVTControlCharacters(String(value ?? ''));
  // oxlint-disable-next-line no-control-regex -- exactly these are to be kept away from the terminal
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]+/g, ' ');
}

/** Shortens the DIDs in a text for a table: who is meant stays clear, `-o json` has them whole. */
export const short = (text: string): string => text.replaceAll(/did:key:(\w{8})\w+(\w{6})/g, 'did:key:$1…$2');

/** What is stopped, for a table: an agent by its name, where that is known, beside its shortened DID. */
export function stoppedScope({ scope, name }: { readonly scope: string; readonly name?: string }): string {
  const id = short(scope).replace('did:key:', '');
  return name === undefined ? id : `agent:${cut(name, 24)} (${id.slice('agent:'.length)})`;
}

/** Columns that a text for people takes at most. */
const WIDTH = 96;

/** A text broken wherever its lines are full, all of them indented. */
export const folded = (text: string, indent: number): string =>
  (printable(text).match(new RegExp(`.{1,${WIDTH - indent}}`, 'gu')) ?? [])
    .map((line) => `${' '.repeat(indent)}${line}`)
    .join('\n');

/** A text broken at its spaces into lines that fit, all indented, those after the first a little more. */
export function wrapped(text: string, indent = 0): string {
  const lines: string[] = [];
  let line = ' '.repeat(indent);
  for (const word of printable(text).split(' ')) {
    const empty = line.trim() === '';
    if (!empty && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = `${' '.repeat(indent + 2)}${word}`;
    } else line += empty ? word : ` ${word}`;
  }
  return [...lines, line].join('\n');
}
