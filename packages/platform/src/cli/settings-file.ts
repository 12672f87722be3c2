import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { AipError } from '@aip/wire';
import { isCollection, isMap, isScalar, parseDocument, stringify, type ParsedNode, type YAMLMap } from 'yaml';
import type { World } from './cli.ts';

/** The settings file of this folder; an empty text where there is none yet. */
export function settingsFile({ cwd, env }: Pick<World, 'cwd' | 'env'>): {
  readonly file: string;
  readonly text: string;
} {
  const file = path.resolve(cwd, env['AIP_CONFIG'] ?? 'aip.yaml');
  return { file, text: existsSync(file) ? readFileSync(file, 'utf8') : '' };
}

/**
 * The text of a settings file with one entry more. Whatever stands there stays as it is, to the last comment and space:
 * the entry is put between its lines. Throws CONFIG_INVALID for a text that is no YAML, or has something else than
 * settings above that place, and CONFLICT where the place is taken.
 */
export function withEntry(text: string, place: readonly string[], entry: object): string {
  const document = parseDocument(text);
  const [fault] = document.errors;
  if (fault) throw new AipError('CONFIG_INVALID', fault.message);
  if (document.hasIn(place)) throw new AipError('CONFLICT', `there is ${place.join('.')} already.`);
  const spliced = splice(text, document.contents, place, entry);
  try {
    for (const [depth] of place.entries()) {
      const above = place.slice(0, depth);
      if (document.hasIn(above) && document.getIn(above) === null) document.setIn(above, document.createNode({}));
    }
    document.setIn(place, document.createNode(entry));
  } catch (error) {
    throw new AipError('CONFIG_INVALID', (error as Error).message, { cause: error });
  }
  // Rare forms, such as aliases, are written anew: with their comments, in the layout of the package.
  return means(spliced, document.toJS()) ? spliced : document.toString({ lineWidth: 0 });
}

/** What stands at a place of a settings file; undefined where nothing does, or the file cannot be read as one. */
export function entryAt(text: string, place: readonly string[]): unknown {
  const document = parseDocument(text);
  const found: unknown = document.errors.length === 0 && document.hasIn(place) ? document.getIn(place) : undefined;
  return isCollection(found) ? (found.toJS(document) as unknown) : found;
}

function means(text: string, settings: unknown): boolean {
  const document = parseDocument(text);
  return document.errors.length === 0 && isDeepStrictEqual(document.toJS(), settings);
}

function splice(text: string, contents: ParsedNode | null, place: readonly string[], entry: object): string {
  let node: ParsedNode | null = contents;
  let key: ParsedNode | undefined;
  let depth = 0;
  for (; depth < place.length - 1 && isMap<ParsedNode, ParsedNode | null>(node); depth++) {
    const pair = node.items.find((item) => isScalar(item.key) && item.key.value === place[depth]);
    if (!pair) break;
    [key, node] = [pair.key, pair.value];
  }
  const added = place.slice(depth).reduceRight<object>((value, name) => ({ [name]: value }), entry);
  if (isMap<ParsedNode, ParsedNode | null>(node) && node.flow) return intoFlow(text, node, added);
  const [first] = isMap<ParsedNode>(node) ? node.items : [];
  const column = first ? columnOf(text, first.key) : key ? columnOf(text, key) + INDENT : 0;
  const last = isMap(node) ? node : key;
  const at = depth === 0 || last === undefined ? text.length : nextLine(text, endOf(last));
  const lines = stringify(added, { lineWidth: 0 }).replaceAll(/^(?=.)/gm, ' '.repeat(column));
  const before = text.slice(0, at);
  const joined = before === '' || before.endsWith('\n') ? lines : `\n${lines}`;
  return before + (text.includes('\r\n') ? joined.replaceAll('\n', '\r\n') : joined) + text.slice(at);
}

/** Columns that nested settings stand further in. */
const INDENT = 2;

/** Into `{ … }`, after what is there. */
function intoFlow(text: string, map: YAMLMap.Parsed, added: object): string {
  const inner = stringify(added, { collectionStyle: 'flow', lineWidth: 0 }).trim().slice(1, -1).trim();
  const last = map.items.at(-1);
  const at = last ? endOf(last.value ?? last.key) : map.range[0] + 1;
  return `${text.slice(0, at)}${last ? `, ${inner}` : ` ${inner} `}${text.slice(at)}`;
}

/** Where the last value of a node ends, before the comments that follow it. */
function endOf(node: ParsedNode): number {
  const last: unknown = isCollection(node) && !node.flow ? node.items.at(-1) : undefined;
  if (last === undefined) return node.range[1];
  const { key, value } = last as { key?: ParsedNode; value?: ParsedNode | null };
  return key === undefined ? endOf(last as ParsedNode) : endOf(value ?? key);
}

const columnOf = (text: string, { range }: ParsedNode): number => range[0] - (text.lastIndexOf('\n', range[0] - 1) + 1);

function nextLine(text: string, at: number): number {
  if (text[at - 1] === '\n') return at;
  const end = text.indexOf('\n', at);
  return end === -1 ? text.length : end + 1;
}
