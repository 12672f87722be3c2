import { createHash } from 'node:crypto';
import type { OpenApiSettings } from '../settings.ts';
import { child, children, textAt, type ApiDocument, type Place } from './document.ts';
import type { FoundOperation } from './operation.ts';

const METHODS = ['get', 'head', 'post', 'put', 'patch', 'delete', 'options', 'trace'];
/** Longest name of a tool: the source's name stands before it where several meet. */
const MAX_NAME = 48;

export interface NamedOperation extends FoundOperation {
  readonly name: string;
}

/** The operations that the operator wants, in the order of the document, each under a name of its own. */
export function selectedOperations(api: ApiDocument, wanted: OpenApiSettings['operations']): NamedOperation[] {
  const { include, exclude, tags } = wanted;
  const taken = new Set<string>();
  return allOperations(api)
    .map((found): NamedOperation => {
      const name = nameOf(found, taken);
      taken.add(name);
      return { ...found, name };
    })
    .filter((found) => {
      const means = (pattern: string): boolean => matches(pattern, found);
      return (
        (include === undefined || include.some(means)) &&
        !exclude.some(means) &&
        (tags === undefined || tagsOf(found.place).some((tag) => tags.includes(tag)))
      );
    });
}

function allOperations(api: ApiDocument): FoundOperation[] {
  const paths = child(api.root, 'paths');
  return (paths ? children(paths) : []).flatMap(({ name: path, place }) => {
    if (!path.startsWith('/')) return [];
    const pathItem = api.follow(place);
    return METHODS.flatMap((method) => {
      const operation = child(pathItem, method);
      return operation ? [{ method: method.toUpperCase(), path, pathItem, place: operation }] : [];
    });
  });
}

/** Its operationId, else its method and path; what would not be legal or not be unique gets a hash. */
function nameOf({ method, path, place }: FoundOperation, taken: ReadonlySet<string>): string {
  const id = legal(textAt(place, 'operationId') ?? '');
  const described = legal(`${method.toLowerCase()}_${path}`);
  const fits = (name: string): boolean => name !== '' && name.length <= MAX_NAME && !taken.has(name);
  if (fits(id)) return id;
  if (fits(described)) return described;
  const hash = createHash('sha256').update(`${method} ${path}`).digest('hex').slice(0, 8);
  return `${(id || described).slice(0, MAX_NAME - 9)}_${hash}`;
}

const legal = (text: string): string => text.replaceAll(/[^a-zA-Z0-9-]+/g, '_').replaceAll(/^_+|_+$/g, '');

const tagsOf = (operation: Place): string[] => {
  const tags = child(operation, 'tags');
  return (tags ? children(tags) : []).flatMap(({ place }) => (typeof place.node === 'string' ? [place.node] : []));
};

/** An operationId, a tool's name, or `GET /pets/*`; a star stands for anything. */
function matches(pattern: string, { name, method, path, place }: NamedOperation): boolean {
  const expression = new RegExp(
    `^${pattern
      .split('*')
      .map((part) => part.replaceAll(/[\\^$.+?()[\]{}|]/g, String.raw`\$&`))
      .join('.*')}$`,
  );
  return [name, textAt(place, 'operationId') ?? '', `${method} ${path}`].some((text) => expression.test(text));
}
