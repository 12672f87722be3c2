import { AipError, isJsonObject, type Json } from '@aip/wire';

type Pair = readonly [name: string, value: string];

/** How a parameter is written (OpenAPI 3.1, Parameter Object, style values; RFC 6570). */
export interface Style {
  readonly name: string;
  readonly style: string;
  readonly explode: boolean;
  readonly allowReserved: boolean;
  /** Its value is JSON as a text: a parameter with `content`. */
  readonly json: boolean;
}

/** `{name}` of a path. Throws INVALID_ARGUMENT for what would lead to another path. */
export function inPath(style: Style, value: Json): string {
  const parts = partsOf(style, value);
  if (
    pieces(parts).some(
      (piece) => piece === '' || piece.split(/[/\\]/).some((segment) => segment === '.' || segment === '..'),
    )
  )
    throw new AipError('INVALID_ARGUMENT', `${style.name}: empty, "." and ".." are no parts of a path.`);
  const encode = encoder(style);
  const pairs = (between: string): string =>
    pairsOf(parts)
      .map(([key, item]) => `${encode(key)}${between}${encode(item)}`)
      .join(',');
  const list = (): string => (parts.kind === 'object' ? pairs(',') : pieces(parts).map(encode).join(','));
  switch (style.style) {
    case 'label':
      return `.${style.explode ? exploded(parts, encode).join('.') : list()}`;
    case 'matrix':
      if (!style.explode || parts.kind === 'single') return `;${encode(style.name)}=${list()}`;
      return parts.kind === 'object'
        ? exploded(parts, encode)
            .map((item) => `;${item}`)
            .join('')
        : pieces(parts)
            .map((item) => `;${encode(style.name)}=${encode(item)}`)
            .join('');
    default:
      return parts.kind === 'object' && style.explode ? exploded(parts, encode).join(',') : list();
  }
}

/** The pairs of a query, or of a form, percent-encoded. */
export function inQuery(style: Style, value: Json): Pair[] {
  const parts = partsOf(style, value);
  const encode = encoder(style);
  const name = encodeStrictly(style.name);
  if (parts.kind === 'single') return [[name, encode(parts.value)]];
  if (style.style === 'deepObject' && parts.kind === 'object')
    return parts.pairs.map(([key, item]) => [`${name}%5B${encodeStrictly(key)}%5D`, encode(item)]);
  if (style.style === 'form' && style.explode)
    return parts.kind === 'object'
      ? parts.pairs.map(([key, item]) => [encodeStrictly(key), encode(item)])
      : parts.items.map((item) => [name, encode(item)]);
  const separator = style.style === 'spaceDelimited' ? '%20' : style.style === 'pipeDelimited' ? '%7C' : ',';
  const flat = parts.kind === 'object' ? parts.pairs.flat() : parts.items;
  return [[name, flat.map(encode).join(separator)]];
}

/** One line of a header; nothing is encoded there. */
export function inHeader(style: Style, value: Json): string {
  const parts = partsOf(style, value);
  if (parts.kind === 'object' && style.explode) return parts.pairs.map(([key, item]) => `${key}=${item}`).join(',');
  return parts.kind === 'object' ? parts.pairs.flat().join(',') : pieces(parts).join(',');
}

type Parts =
  | { readonly kind: 'single'; readonly value: string }
  | { readonly kind: 'array'; readonly items: readonly string[] }
  | { readonly kind: 'object'; readonly pairs: readonly Pair[] };

function partsOf({ json }: Style, value: Json): Parts {
  if (json) return { kind: 'single', value: JSON.stringify(value) };
  if (Array.isArray(value)) return { kind: 'array', items: value.map(scalar) };
  if (isJsonObject(value))
    return {
      kind: 'object',
      pairs: Object.entries(value).flatMap(([key, item]) =>
        (Array.isArray(item) ? item : [item]).map((one) => [key, scalar(one)] as const),
      ),
    };
  return { kind: 'single', value: scalar(value) };
}

const scalar = (value: Json): string =>
  typeof value === 'string' ? value : value === null ? '' : JSON.stringify(value);

const pairsOf = (parts: Parts): readonly Pair[] => (parts.kind === 'object' ? parts.pairs : []);

function pieces(parts: Parts): readonly string[] {
  if (parts.kind === 'single') return [parts.value];
  return parts.kind === 'array' ? parts.items : parts.pairs.map(([, item]) => item);
}

const exploded = (parts: Parts, encode: (text: string) => string): string[] =>
  parts.kind === 'object'
    ? parts.pairs.map(([key, item]) => `${encode(key)}=${encode(item)}`)
    : pieces(parts).map(encode);

/** RFC 3986, section 2.3: everything but the unreserved characters. */
const encodeStrictly = (text: string): string =>
  encodeURIComponent(text).replaceAll(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);

/** `allowReserved` leaves those signs alone that do not end or split the query. */
const encoder = ({ allowReserved }: Style): ((text: string) => string) =>
  allowReserved
    ? (text) =>
        encodeStrictly(text).replaceAll(/%(?:2F|3A|3F|40|21|24|27|28|29|2A|2C|3B)/g, (code) => decodeURIComponent(code))
    : encodeStrictly;
