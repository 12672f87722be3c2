import { claim } from '@aip/conformance';
import { expect, it } from 'vitest';
import { fields, folded, short, stoppedScope, styleFor, table, wrapped, type Column } from './table.ts';

interface Row {
  readonly name: string;
  readonly count: number | undefined;
}
const columns: readonly Column<Row>[] = [
  { title: 'NAME', of: ({ name }) => name, look: ({ name }) => (name === 'bad' ? 'red' : undefined) },
  { title: 'COUNT', of: ({ count }) => count, align: 'right' },
];
const plain = styleFor(false, {});

it(`aligns columns, numbers to the right, without trailing space ${claim('D-CLI.output')}`, () => {
  const rows = [
    { name: 'a', count: 5 },
    { name: 'longer', count: 1234567 },
    { name: 'none', count: undefined },
  ];
  expect(table(rows, columns, plain)).toBe('NAME      COUNT\na             5\nlonger  1234567\nnone');
});

it('aligns what is coloured as if it were not', () => {
  const style = styleFor(true, {});
  expect(table([{ name: 'bad', count: 1 }], columns, style)).toContain('\u001b[31mbad \u001b[39m      1');
});

it('keeps the control characters of others away from the terminal', () => {
  const hostile = { name: 'x\u001b[2Jy\u0007\nz\u202eq', count: 1 };
  expect(table([hostile], columns, plain).split('\n')).toEqual(['NAME    COUNT', 'xy z q      1']);
  expect(fields({ Name: hostile.name, Gone: undefined }, plain)).toBe('Name  xy z q');
});

it('shortens DIDs so that they can still be told apart', () => {
  const did = 'did:key:z6MkgsG5CM8nMFVvRN3rqMBtU32SJxLdZyhaJeQzC45cZ3HL';
  expect(short(`skill:${did}/greet`)).toBe('skill:did:key:z6MkgsG5…5cZ3HL/greet');
  expect(stoppedScope({ scope: `agent:${did}`, name: 'hello' })).toBe('agent:hello (z6MkgsG5…5cZ3HL)');
  expect(stoppedScope({ scope: `agent:${did}` })).toBe('agent:z6MkgsG5…5cZ3HL');
  expect(stoppedScope({ scope: 'server:notes' })).toBe('server:notes');
});

it('breaks long texts at their spaces, and leaves words whole', () => {
  const text = `${'word '.repeat(40)}${'x'.repeat(120)} end`;
  const lines = wrapped(text, 2).split('\n');
  expect(lines.filter((line) => line.length > 96)).toEqual([`    ${'x'.repeat(120)}`]);
  expect(lines.map((line) => /^ */.exec(line)?.[0].length)).toEqual([2, 4, 4, 4, 4]);
  expect(lines.join(' ').replaceAll(/ +/g, ' ').trim()).toBe(text);
});

it('breaks anything into full lines, of which nothing is lost', () => {
  const text = JSON.stringify({ path: 'x'.repeat(250), note: 'a b' });
  const lines = folded(text, 2).split('\n');
  expect(lines.map((line) => line.length)).toEqual([96, 96, 88]);
  expect(lines.map((line) => line.slice(2)).join('')).toBe(text);
});
