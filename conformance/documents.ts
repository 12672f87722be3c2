import { glob, readFile } from 'node:fs/promises';
import path from 'node:path';
import { root } from './citations.ts';

/** A page of documentation, its path relative to the repository. */
export interface Page {
  readonly path: string;
  readonly text: string;
}

/** Every page of the repository. */
export async function pages(): Promise<Page[]> {
  const files = await Array.fromAsync(glob(['*.md', 'docs/**/*.md', 'examples/**/*.md'], { cwd: root }));
  return Promise.all(
    files.toSorted().map(async (file) => ({ path: file, text: await readFile(path.join(root, file), 'utf8') })),
  );
}

const BLOCK = /^( *)```[^\n]*\n([\s\S]*?)^\1```$/gm;
const SPAN = /`([^`\n]+)`/g;

/** What stands in code blocks, line by line, and in code spans. */
export function codeIn(text: string): string[] {
  const lines = [...text.matchAll(BLOCK)].flatMap(([, , code = '']) => code.split('\n'));
  const spans = [...text.replaceAll(BLOCK, '').matchAll(SPAN)].map(([, code = '']) => code);
  return [...lines, ...spans];
}

const COMMAND = /(?:^|[\s("'=])aip((?: [a-z][a-z-]*)+)([^|&;]*)/g;

/** A command line of `aip`: the words behind it, and the long options. */
export interface Mention {
  readonly words: readonly string[];
  readonly options: readonly string[];
}

/** The command lines in a piece of code. An `aip` that no word follows mentions no command. */
export function commandsIn(code: string): Mention[] {
  // What stands behind -- belongs to another command.
  const [own = ''] = code.split(/ -- (?!aip)/);
  return [...own.matchAll(COMMAND)].map(([, words = '', rest = '']) => ({
    words: words.trim().split(' '),
    options: [...rest.matchAll(/(?<=\s)--[a-z][a-z-]*/g)].map(([option]) => option),
  }));
}

/** The scripts of package.json that pieces of code run. */
export const scriptsIn = (codes: readonly string[]): string[] =>
  codes.flatMap((code) => [...code.matchAll(/\bnpm run ([a-z]+)/g)].map(([, name = '']) => name));

const LINK = /\]\(([^)\s]+)\)/g;

/** Targets of links to files of the repository, without their anchors. */
export const linksIn = (text: string): string[] =>
  [...text.replaceAll(BLOCK, '').matchAll(LINK)]
    .map(([, target = '']) => target.replace(/#.*$/, ''))
    .filter((target) => target !== '' && !/^[a-z]+:/.test(target));

const FILE = /^[\w@{},*./-]+\.(?:ts|tsx|mjs|json)$/;

/** Source files that a piece of code names as `folder/file.ts`. A name without a folder may be anybody's. */
export const filesIn = (codes: readonly string[]): string[] =>
  codes.filter((code) => FILE.test(code) && code.includes('/') && !code.startsWith('.') && !code.startsWith('/'));
