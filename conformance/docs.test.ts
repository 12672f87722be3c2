import { existsSync, globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { programForDocs } from '../scripts/docs/command-line.ts';
import { DOCS, PAGES } from '../scripts/generate-docs.ts';
import { root } from './citations.ts';
import { codeIn, commandsIn, filesIn, linksIn, pages, scriptsIn, type Mention } from './documents.ts';

describe('a page that repeats what the code says', () => {
  it.each(Object.keys(PAGES))(
    'is up to date: %s; `npm run docs` renews it',
    async (name) => {
      expect(await readFile(path.join(DOCS, name), 'utf8')).toBe(await PAGES[name]!());
    },
    30_000,
  );
});

describe('what the pages mention', () => {
  it('are commands and options that the program has', async () => {
    expect(await faultsIn((text) => codeIn(text).flatMap(commandsIn).flatMap(commandFault))).toEqual([]);
  });

  it('are scripts that package.json has', async () => {
    const { scripts } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as { scripts: object };
    const missing = (text: string): string[] => scriptsIn(codeIn(text)).filter((name) => !Object.hasOwn(scripts, name));
    expect(await faultsIn(missing)).toEqual([]);
  });

  it('are source files that exist', async () => {
    expect(await faultsIn((text) => filesIn(codeIn(text)).filter((file) => !exists(file)))).toEqual([]);
  });

  it('are links that lead somewhere', async () => {
    const broken = (text: string, page: string): string[] =>
      linksIn(text).filter((target) => !existsSync(path.join(root, path.dirname(page), target)));
    expect(await faultsIn(broken)).toEqual([]);
  });
});

describe('a fault in the pages', () => {
  it('is a command that does not exist, or an option that it does not have', () => {
    const faults = (code: string): string[] => commandsIn(code).flatMap(commandFault);
    expect(faults('npx --no aip agent invoke echo --skill say')).toEqual([]);
    expect(faults('aip approvals')).toEqual([]);
    expect(faults('aip add mcp files -- npx --yes server')).toEqual([]);
    expect(faults('aip fly')).toEqual(['aip fly']);
    expect(faults('aip agent destroy me')).toEqual(['aip agent destroy']);
    expect(faults('aip kill global --softly')).toEqual(['aip kill --softly']);
    expect(faults('aip audit export --out a && aip audit verify --exports a')).toEqual(['aip audit verify --exports']);
  });

  it('is found in code only, wherever that stands', () => {
    expect(codeIn('aip none `aip one`\n\n```sh\naip two\n```\n\n- x\n\n  ```\n  aip three\n  ```\n')).toEqual([
      'aip two',
      '',
      '  aip three',
      '',
      'aip one',
    ]);
  });

  it('is a file that does not exist', () => {
    const missing = (code: string): string[] => filesIn([code]).filter((file) => !exists(file));
    expect(missing('exchange/exchange.ts')).toEqual([]);
    expect(missing('economy/*/decider.ts')).toEqual([]);
    expect(missing('exchange/exchanges.ts')).toEqual(['exchange/exchanges.ts']);
    expect(missing('economy/*/deciders.ts')).toEqual(['economy/*/deciders.ts']);
  });
});

async function faultsIn(find: (text: string, page: string) => readonly string[]): Promise<string[]> {
  const found = await pages();
  return found.flatMap((page) => find(page.text, page.path).map((fault) => `${page.path}: ${fault}`));
}

const HELP = new Set(['--help', '--version']);

/** The command line as far as the program knows it, and what it does not know. */
function commandFault({ words, options }: Mention): string[] {
  let command = programForDocs();
  const known: string[] = ['aip'];
  for (const word of words) {
    const next = command.commands.find((child) => child.name() === word);
    const takesWords = command.registeredArguments.length > 0;
    if (!next && (takesWords || word === 'help')) break;
    if (!next) return [[...known, word].join(' ')];
    command = next;
    known.push(word);
  }
  const own = new Set(command.options.map(({ long }) => long));
  return options
    .filter((option) => !own.has(option) && !HELP.has(option))
    .map((option) => [...known, option].join(' '));
}

/** Where the paths of the pages begin. */
const BASES = ['', 'packages', 'packages/platform/src', 'packages/platform/src/edges', 'docs', 'apps/dashboard/src'];

const exists = (file: string): boolean =>
  BASES.some((base) => globSync(path.join(root, base, file.replaceAll('<protocol>', '*'))).length > 0);
