import { normalEscapes } from './uri.ts';

/** URI templates (RFC 6570), written out and read backwards. */

/** One or more expressions, as they stand between two literals. */
const EXPRESSIONS = /((?:\{[^{}]*\})+)/;
/** `{?a,b}` at the end. */
const QUERY = /\{\?([^{}]*)\}$/;
/** `{name}`, and several of them. */
const SIMPLE = /^(?:\{\w[^{}]*\})+$/;

/** Whether a template can stand for a canonical URI. */
export const coversUri = (template: string, uri: string): boolean => valuesIn(template, uri) !== undefined;

/**
 * What each row of expressions stands for in a canonical URI; what `{?a,b}` at the end does is left out. Linear in both,
 * since both come from outside: every literal is looked for once. Between two expressions that take anything, `{name}`
 * may therefore be missed that only another place of its literals would fit.
 */
function valuesIn(template: string, uri: string): readonly string[] | undefined {
  const asks = QUERY.test(template);
  const text = asks ? (uri.split('?', 1)[0] ?? '') : uri;
  const pieces = (asks ? template.replace(QUERY, '') : template).split(EXPRESSIONS);
  const literal = (i: number): string => normalEscapes(i === 0 ? lowerScheme(pieces[i] ?? '') : (pieces[i] ?? ''));
  const literals = pieces.map((piece, i) => (i % 2 === 0 ? literal(i) : piece));
  const last = literals.length - 1;
  // What takes anything takes the most where it is the last to do so: what follows it is nearest to the end.
  const open = literals.findLastIndex((piece, i) => i % 2 === 1 && !SIMPLE.test(piece));
  const border = open < 0 ? last : open + 1;

  const places: number[] = [];
  let end = text.length;
  for (let i = last; i >= border; i -= 2) {
    const piece = literals[i] ?? '';
    end = i === last ? end - piece.length : text.lastIndexOf(piece, end - piece.length);
    places[i] = end;
  }
  let from = 0;
  for (let i = 0; i < border; i += 2) {
    places[i] = i === 0 ? 0 : text.indexOf(literals[i] ?? '', from);
    from = (places[i] ?? 0) + (literals[i] ?? '').length;
  }

  const values: string[] = [];
  let behind = 0;
  for (let i = 0; i <= last; i += 2) {
    const place = places[i] ?? -1;
    if (place < behind || !text.startsWith(literals[i] ?? '', place)) return undefined;
    const value = text.slice(behind, place);
    if (i === 0 ? value !== '' : !takes(literals[i - 1] ?? '', value)) return undefined;
    if (i > 0) values.push(value);
    behind = place + (literals[i] ?? '').length;
  }
  return behind === text.length ? values : undefined;
}

/** What `{name}` stands for is something, and holds no delimiter. */
const takes = (expressions: string, value: string): boolean => !SIMPLE.test(expressions) || /^[^/?#]+$/.test(value);

const lowerScheme = (text: string): string => text.replace(/^[a-z][a-z\d+.-]*:/i, (scheme) => scheme.toLowerCase());

/**
 * The names of the variables of a template that can be read backwards without doubt: `{name}` and `{+name}` with something
 * between them, and `{?a,b}` at the end. Undefined for any other.
 */
export function variablesOfTemplate(
  template: string,
): { readonly path: readonly string[]; readonly query: readonly string[] } | undefined {
  const query = QUERY.exec(template)?.[1]?.split(',') ?? [];
  const pieces = template.replace(QUERY, '').split(EXPRESSIONS);
  const path = pieces.filter((_, i) => i % 2 === 1).map((piece) => piece.replace(/^\{\+?/, '').replace(/\}$/, ''));
  const names = [...path, ...query];
  const plain =
    names.every((name) => /^\w+$/.test(name)) && pieces.every((piece, i) => i % 2 === 1 || !/[{}]/.test(piece));
  return plain && new Set(names).size === names.length ? { path, query } : undefined;
}

/** The decoded variables of such a template in a canonical URI; undefined when it has another shape. */
export function variablesIn(template: string, uri: string): Readonly<Record<string, string>> | undefined {
  const names = variablesOfTemplate(template);
  const values = names && valuesIn(template, uri);
  if (!values || values.some((value) => /[?#]/.test(value))) return undefined;
  try {
    const given = new URLSearchParams(names.query.length > 0 ? uri.slice(uri.split('?', 1)[0]?.length) : '');
    const named = names.path.map((name, i) => [name, decodeURIComponent(values[i] ?? '')] as const);
    const asked = names.query.flatMap((name) => (given.has(name) ? [[name, given.get(name) ?? ''] as const] : []));
    return Object.fromEntries([...named, ...asked]);
  } catch {
    return undefined;
  }
}

/** The URI of a template with `{name}`, `{+name}` and `{?a,b}`; undefined when it has others or one has no value. */
export function expandTemplate(template: string, variables: Readonly<Record<string, unknown>>): string | undefined {
  let complete = true;
  const valueOf = (name: string): string | undefined => {
    const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
    const scalar = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
    if (value !== undefined && !scalar) complete = false;
    return scalar ? String(value) : undefined;
  };
  const expanded = template.replaceAll(/\{([^\w{}]?)([^{}]*)\}/g, (_, operator: string, list: string) => {
    const names = list.split(',');
    if (names.some((name) => !/^\w+$/.test(name)) || !['', '+', '?'].includes(operator)) complete = false;
    if (operator === '?') {
      const given = names.flatMap((name) => {
        const value = valueOf(name);
        return value === undefined ? [] : [`${name}=${encodeURIComponent(value.toWellFormed())}`];
      });
      return given.length > 0 ? `?${given.join('&')}` : '';
    }
    const value = valueOf(list)?.toWellFormed();
    if (value === undefined) complete = false;
    const parts = operator === '+' ? (value ?? '').split('/') : [value ?? ''];
    return parts.map(encodeURIComponent).join('/');
  });
  return complete ? expanded : undefined;
}
