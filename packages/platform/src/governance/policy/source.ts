import type { PolicyProblem } from './types.ts';

export interface PolicyFile {
  readonly name: string;
  readonly text: string;
}

/** The text of one policy, annotations included, and where it stands in its file. */
export interface PolicySource {
  readonly file: PolicyFile;
  /** UTF-16 units from the beginning of the file. */
  readonly start: number;
  readonly text: string;
}

const TOKEN = /"(?:[^"\\]|\\[^])*(?:"|$)|\/\/[^\n]*|;|[^\s"/;]+|\//g;

/**
 * Splits a file into its policies. A policy ends with a semicolon, which Cedar has nowhere else but in
 * strings and comments; what follows the last one is a policy too, for the parser to complain about.
 */
export function splitPolicies(file: PolicyFile): PolicySource[] {
  const policies: PolicySource[] = [];
  let start: number | undefined;
  let end = 0;
  const close = (): void => {
    if (start !== undefined) policies.push({ file, start, text: file.text.slice(start, end) });
    start = undefined;
  };
  for (const { 0: token, index } of file.text.matchAll(TOKEN)) {
    if (token.startsWith('//')) continue;
    start ??= index;
    end = index + token.length;
    if (token === ';') close();
  }
  close();
  return policies;
}

const lineStarts = new WeakMap<PolicyFile, readonly number[]>();

/** The line and column of a position in a file, both from 1; columns in UTF-16 units. */
export function locate(file: PolicyFile, position: number): { file: string; line: number; column: number } {
  const starts = lineStarts.get(file) ?? [0, ...Array.from(file.text.matchAll(/\n/g), ({ index }) => index + 1)];
  lineStarts.set(file, starts);
  let [line, after] = [0, starts.length];
  while (after - line > 1) {
    const middle = (line + after) >>> 1;
    if ((starts[middle] ?? 0) <= position) line = middle;
    else after = middle;
  }
  return { file: file.name, line: line + 1, column: position - (starts[line] ?? 0) + 1 };
}

export function problemAt(source: PolicySource, offset: number, message: string, hint?: string): PolicyProblem {
  const place = locate(source.file, source.start + offset);
  return hint === undefined ? { ...place, message } : { ...place, message, hint };
}

/** Where `@name` stands in a policy; its beginning if it is not there. */
export function annotationOffset(source: PolicySource, name: string): number {
  return Math.max(0, source.text.search(new RegExp(`@\\s*${name}\\b`)));
}
