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
