import { AipError, type JsonObject } from '@aip/wire';

/** A URI template (RFC 6570) of the forms that can be read backwards: `{name}`, `{+name}`, and `{?a,b}` at its end. */
export interface UriTemplate {
  readonly template: string;
  readonly variables: readonly string[];
  /** The decoded variables of a URI; undefined when it has another shape. */
  match(uri: string): Readonly<Record<string, string>> | undefined;
}

/** Throws CONFIG_INVALID for any other form. */
export function uriTemplate(template: string): UriTemplate {
  const [, path = '', list] = /^(.*?)(?:\{\?([^{}]*)\})?$/s.exec(template) ?? [];
  const query = list === undefined ? [] : list.split(',');
  const inPath: string[] = [];
  const pattern = path
    .split(/(\{[^{}]*\})/)
    .map((part) => {
      if (!part.startsWith('{')) return literal(part);
      const reserved = part.startsWith('{+');
      inPath.push(part.slice(reserved ? 2 : 1, -1));
      return reserved ? '([^?#]*)' : '([^/?#]+)';
    })
    .join('');
  const variables = [...inPath, ...query];
  if (
    variables.some((name) => !/^\w+$/.test(name)) ||
    new Set(variables).size < variables.length ||
    /[{}]/.test(path.replaceAll(/\{[^{}]*\}/g, ''))
  )
    throw new AipError('CONFIG_INVALID', `"${template}" is no template such as /weather/{city}{?units}.`);
  const expression = new RegExp(`^${pattern}$`);

  return {
    template,
    variables,
    match(uri) {
      const [before = '', search = ''] = uri.split('?', 2);
      const found = expression.exec(before);
      if (!found) return undefined;
      try {
        const given = new URLSearchParams(search);
        const named = inPath.map((name, i) => [name, decodeURIComponent(found[i + 1] ?? '')] as const);
        const asked = query.flatMap((name) => (given.has(name) ? [[name, given.get(name) ?? ''] as const] : []));
        return Object.fromEntries([...named, ...asked]);
      } catch {
        return undefined;
      }
    },
  };
}

const literal = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);

/**
 * The variables of a call: from the URI that it names, or, of callers that speak no MCP, named one by one. Throws
 * NOT_FOUND for a URI of another shape.
 */
export function variablesOf(template: UriTemplate, args: JsonObject): JsonObject {
  const { uri, ...rest } = args;
  if (typeof uri !== 'string' || uri === template.template) return rest;
  const found = template.match(uri);
  if (found) return { ...found };
  throw new AipError('NOT_FOUND', `${uri.slice(0, 200)} is not of the form ${template.template}.`);
}
