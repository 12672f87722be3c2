import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { AipError } from '@aip/wire';
import { isMap, isNode, isScalar, LineCounter, parse, parseDocument } from 'yaml';
import { z } from 'zod';

/** Settings, as a file or the variables name them. */
export type Tree = { [key: string]: unknown };

/** What a file says; nothing, if it need not be there. Throws CONFIG_INVALID. */
export function fromFile(file: string, wanted: boolean): Tree {
  if (!existsSync(file)) {
    if (wanted) throw new AipError('CONFIG_INVALID', `AIP_CONFIG names ${file}, which does not exist.`);
    return {};
  }
  try {
    const content: unknown = parse(readFileSync(file, 'utf8')) ?? {};
    if (isTree(content)) return content;
  } catch (error) {
    throw new AipError('CONFIG_INVALID', `${file}: ${(error as Error).message}`);
  }
  throw new AipError('CONFIG_INVALID', `${file} has to hold settings, one "name: value" a line.`);
}

/** What can be made out of a file that is perhaps no list of settings, or is not there: as much as YAML's reader finds. */
export function readableIn(file: string): Tree {
  try {
    const content: unknown = parseDocument(readFileSync(file, 'utf8')).toJS();
    return isTree(content) ? content : {};
  } catch {
    return {};
  }
}

/** Where in a file a setting stands, its name if it has one there: `aip.yaml:3:5`, line and column from 1. */
export function placeIn(file: string, path: readonly PropertyKey[]): string | undefined {
  if (path.length === 0 || !existsSync(file)) return undefined;
  const lines = new LineCounter();
  const document = parseDocument(readFileSync(file, 'utf8'), { lineCounter: lines });
  const parent = document.getIn(path.slice(0, -1), true);
  const key = String(path.at(-1));
  const pair = isMap(parent)
    ? parent.items.find((item) => isScalar(item.key) && String(item.key.value) === key)
    : undefined;
  const node: unknown = pair?.key ?? document.getIn(path, true);
  if (!isNode(node) || !node.range) return undefined;
  const { line, col } = lines.linePos(node.range[0]);
  return `${basename(file)}:${line}:${col}`;
}

/** Variables that steer the start itself instead of being settings. */
const NOT_SETTINGS = new Set(['AIP_CONFIG', 'AIP_URL', 'AIP_TOKEN', 'AIP_JOIN_TOKEN']);

/** What `AIP_*` variables say (nesting: `__`). Throws CONFIG_INVALID. */
export function fromEnvironment(env: Readonly<Record<string, string | undefined>>, schema: z.ZodObject): Tree {
  const known = new Set(Object.keys(schema.shape));
  const tree: Tree = {};
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith('AIP_') || NOT_SETTINGS.has(name) || value === undefined || value === '') continue;
    const path = name.slice(4).toLowerCase().split('__');
    // Other AIP_* variables (of tests, of agents) are not the platform's to judge.
    if (!known.has(path[0] as string)) continue;
    place(tree, path, isText(schema, path) ? value : scalar(name, value));
  }
  return tree;
}

function place(tree: Tree, [head, ...rest]: string[], value: unknown): void {
  if (head === undefined) return;
  if (rest.length === 0) tree[head] = value;
  else place((tree[head] = isTree(tree[head]) ? tree[head] : {}), rest, value);
}

/** Whether a setting is text: then digits in a variable stay what they are. */
const isText = (settings: z.ZodObject, path: readonly string[]): boolean =>
  schemasAt(settings, path).some((schema) => schema instanceof z.ZodString);

function schemasAt(schema: unknown, path: readonly string[]): unknown[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)
    return schemasAt(schema.unwrap(), path);
  if (schema instanceof z.ZodPipe) return schemasAt(schema.in, path);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => schemasAt(option, path));
  const [name, ...rest] = path;
  if (name === undefined) return [schema];
  if (schema instanceof z.ZodObject) return schemasAt(schema.shape[name], rest);
  return schema instanceof z.ZodRecord ? schemasAt(schema.valueType, rest) : [];
}

/** A number, a truth value, or a list or map in YAML's flow style. */
function scalar(name: string, text: string): unknown {
  if (/^-?\d+(?:\.\d+)?$/.test(text)) return Number(text);
  if (text === 'true' || text === 'false') return text === 'true';
  if (!/^[[{]/.test(text)) return text;
  try {
    return parse(text);
  } catch (error) {
    throw new AipError('CONFIG_INVALID', `${name}: ${(error as Error).message}`);
  }
}

/** The names that a setting can have below this path. */
export const namesAt = (settings: z.ZodObject, path: readonly string[]): string[] =>
  schemasAt(settings, path).flatMap((schema) => (schema instanceof z.ZodObject ? Object.keys(schema.shape) : []));

/** Whether a layer says something at this path. */
export function says(layer: unknown, [name, ...rest]: readonly PropertyKey[]): boolean {
  if (name === undefined) return layer !== undefined;
  return typeof layer === 'object' && layer !== null && says((layer as Record<PropertyKey, unknown>)[name], rest);
}

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value);

/** One layer over another; whatever is no tree replaces what is below. */
export function merged(low: Tree, high: Tree): Tree {
  const result: Tree = { ...low };
  for (const [key, value] of Object.entries(high)) {
    if (value === undefined) continue;
    const below = result[key];
    result[key] = isTree(value) && isTree(below) ? merged(below, value) : value;
  }
  return result;
}
