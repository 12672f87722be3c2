import { AipError } from '@aip/wire';

/**
 * The values of the Cedar language (https://docs.cedarpolicy.com/policies/syntax-datatypes.html).
 *
 * A Long is a number while it is a safe integer and a bigint beyond, never both for the same value, so that
 * `===` compares Longs. A record is a Map: `__proto__` is a key like any other, and no JSON that a caller
 * sends can be taken for an entity.
 */
export type CedarValue = Primitive | EntityRef | CedarSet | CedarRecord | ExtensionValue;

export type Long = number | bigint;
export type Primitive = boolean | Long | string;

export interface EntityRef {
  readonly kind: 'entity';
  readonly type: string;
  readonly id: string;
  /** `Type::"id"`, unescaped: the key of the entity everywhere. */
  readonly uid: string;
}

export interface CedarSet {
  readonly kind: 'set';
  readonly plain: ReadonlySet<Primitive>;
  /** Elements that are not primitive, by their {@link valueKey}. */
  readonly deep: ReadonlyMap<string, CedarValue>;
}

export type CedarRecord = ReadonlyMap<string, CedarValue>;

export type ExtensionValue = Decimal | Datetime | Duration | IpAddress;

export interface Decimal {
  readonly kind: 'decimal';
  /** In ten-thousandths. */
  readonly units: bigint;
}

export interface Datetime {
  readonly kind: 'datetime';
  /** Since 1970-01-01T00:00:00Z. */
  readonly millis: bigint;
}

export interface Duration {
  readonly kind: 'duration';
  readonly millis: bigint;
}

/** One address or, with a shorter prefix, a range. */
export interface IpAddress {
  readonly kind: 'ipaddr';
  readonly bits: 32 | 128;
  readonly address: bigint;
  readonly prefix: number;
}

export const MAX_LONG = 2n ** 63n - 1n;
export const MIN_LONG = -(2n ** 63n);

export const entity = (type: string, id: string): EntityRef => ({
  kind: 'entity',
  type,
  id,
  uid: `${type}::"${id}"`,
});

export const record = (fields: Readonly<Record<string, CedarValue>>): CedarRecord => new Map(Object.entries(fields));

export function setOf(items: Iterable<CedarValue>): CedarSet {
  const plain = new Set<Primitive>();
  const deep = new Map<string, CedarValue>();
  for (const item of items) {
    if (typeof item === 'object') deep.set(valueKey(item), item);
    else plain.add(item);
  }
  return { kind: 'set', plain, deep };
}

export function setHas(set: CedarSet, value: CedarValue): boolean {
  return typeof value === 'object' ? set.deep.has(valueKey(value)) : set.plain.has(value);
}

export const setSize = (set: CedarSet): number => set.plain.size + set.deep.size;

export function* setItems(set: CedarSet): Iterable<CedarValue> {
  yield* set.plain;
  yield* set.deep.values();
}

export const isRecord = (value: CedarValue): value is CedarRecord => value instanceof Map;
export const isEntity = (value: CedarValue): value is EntityRef =>
  typeof value === 'object' && !isRecord(value) && value.kind === 'entity';
export const isSet = (value: CedarValue): value is CedarSet =>
  typeof value === 'object' && !isRecord(value) && value.kind === 'set';
export const isLong = (value: CedarValue): value is Long => typeof value === 'number' || typeof value === 'bigint';

/** The Long of an exact integer; undefined when it does not fit 64 bits. */
export function toLong(exact: bigint): Long | undefined {
  if (exact > MAX_LONG || exact < MIN_LONG) return undefined;
  const number = Number(exact);
  return Number.isSafeInteger(number) ? number : exact;
}

/** The name of a value's type as Cedar's own messages say it. */
export function typeName(value: CedarValue): string {
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'string') return 'string';
  if (isLong(value)) return 'long';
  return isRecord(value) ? 'record' : value.kind;
}

/** Cedar's `==`: never an error, false between different types. */
export function equal(a: CedarValue, b: CedarValue): boolean {
  if (typeof a !== 'object' || typeof b !== 'object') return a === b;
  if (a === b) return true;
  if (isRecord(a) || isRecord(b)) return isRecord(a) && isRecord(b) && equalRecords(a, b);
  if (a.kind === 'entity') return b.kind === 'entity' && a.uid === b.uid;
  if (a.kind === 'set') return b.kind === 'set' && equalSets(a, b);
  return valueKey(a) === valueKey(b);
}

function equalRecords(a: CedarRecord, b: CedarRecord): boolean {
  if (a.size !== b.size) return false;
  for (const [key, value] of a) {
    const other = b.get(key);
    if (other === undefined || !equal(value, other)) return false;
  }
  return true;
}

function equalSets(a: CedarSet, b: CedarSet): boolean {
  return a.plain.size === b.plain.size && a.deep.size === b.deep.size && containsAll(a, b);
}

export function containsAll(set: CedarSet, of: CedarSet): boolean {
  for (const item of of.plain) if (!set.plain.has(item)) return false;
  for (const key of of.deep.keys()) if (!set.deep.has(key)) return false;
  return true;
}

export function containsAny(set: CedarSet, of: CedarSet): boolean {
  for (const item of of.plain) if (set.plain.has(item)) return true;
  for (const key of of.deep.keys()) if (set.deep.has(key)) return true;
  return false;
}

/** A text that is the same for equal values and different for others; sets of sets stay linear by it. */
function valueKey(value: CedarValue): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value !== 'object') return String(value);
  if (isRecord(value)) {
    const fields = [...value].map(([key, field]) => `${JSON.stringify(key)}:${valueKey(field)}`);
    return `{${fields.toSorted().join()}}`;
  }
  switch (value.kind) {
    case 'entity':
      return `@${JSON.stringify(value.uid)}`;
    case 'set':
      return `[${[...setItems(value)].map(valueKey).toSorted().join()}]`;
    case 'decimal':
      return `decimal(${value.units})`;
    case 'ipaddr':
      return `ip(${value.bits},${value.address},${value.prefix})`;
    default:
      return `${value.kind}(${value.millis})`;
  }
}

/** A Cedar string literal. */
export function quote(text: string): string {
  const escaped = text.replace(/["\\\p{Cc}]/gu, (char) =>
    char === '"' || char === '\\' ? `\\${char}` : `\\u{${char.codePointAt(0)?.toString(16)}}`,
  );
  return `"${escaped}"`;
}

/** An entity as Cedar writes it: `Agent::"did:key:z6Mk…"`. */
export const showEntity = (ref: EntityRef): string => `${ref.type}::${quote(ref.id)}`;

const ENTITY = /^\s*([A-Za-z_]\w*(?:::[A-Za-z_]\w*)*)::("(?:[^"\\]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*")\s*$/;

/** Reads `Type::"id"`. Throws INVALID_ARGUMENT for anything else. */
export function parseEntity(text: string): EntityRef {
  const [, type, id] = ENTITY.exec(text) ?? [];
  if (type === undefined || id === undefined) {
    throw new AipError('INVALID_ARGUMENT', `"${text.slice(0, 120)}" is not an entity; expected Type::"id".`);
  }
  return entity(type, JSON.parse(id) as string);
}
