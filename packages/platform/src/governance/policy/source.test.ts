import type { AipError } from '@aip/wire';
import { describe, expect, it } from 'vitest';
import { formatPolicies } from './cedar.ts';
import { locate, splitPolicies } from './source.ts';

const split = (text: string): string[] => splitPolicies({ name: 'a.cedar', text }).map((source) => source.text);

describe('a policy file', () => {
  it('is split at semicolons, but not at those in strings and comments', () => {
    const text = 'permit(";", "\\";");// no ; here "\n// nor; here\n@a("//;")\nforbid(/* ; */) ; ';
    expect(split(text)).toEqual(['permit(";", "\\";");', '@a("//;")\nforbid(/* ;', '*/) ;']);
  });

  it('keeps what does not end, for the parser to complain about', () => {
    expect(split('a; b')).toEqual(['a;', 'b']);
    expect(split('a; "b; c')).toEqual(['a;', '"b; c']);
  });

  it('may be empty or nothing but comments', () => {
    expect(split('')).toEqual([]);
    expect(split(' \n// nothing; here')).toEqual([]);
  });

  it('knows the line and column of a position', () => {
    const file = { name: 'a.cedar', text: 'one\ntwo é three' };
    expect(locate(file, 0)).toEqual({ file: 'a.cedar', line: 1, column: 1 });
    expect(locate(file, 10)).toEqual({ file: 'a.cedar', line: 2, column: 7 });
  });
});

describe('formatting', () => {
  it('lays a policy out as Cedar does and keeps comments', async () => {
    const text = '// why\npermit(principal,action==Action::"call",resource) when{true};';
    expect(await formatPolicies({ name: 'a.cedar', text })).toBe(
      '// why\npermit (\n  principal,\n  action == Action::"call",\n  resource\n)\nwhen { true };\n',
    );
  });

  it('refuses what does not parse, in its place', async () => {
    const error: unknown = await formatPolicies({ name: 'a.cedar', text: '\nperm' }).catch((thrown: unknown) => thrown);
    expect((error as AipError).message).toContain('a.cedar:2:');
  });
});
