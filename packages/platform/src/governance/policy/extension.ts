import { fail } from './evaluation.ts';
import type { CedarValue, Datetime, Decimal, Duration, IpAddress } from './value.ts';
import { MAX_LONG, MIN_LONG, toLong, typeName } from './value.ts';

/**
 * Cedar's extension types: decimal, ip, datetime and duration
 * (https://docs.cedarpolicy.com/policies/syntax-operators.html). Constructors take strings and fail on any
 * that Cedar refuses; methods fail on operands of another type.
 */

const within = (exact: bigint, what: string): bigint =>
  exact > MAX_LONG || exact < MIN_LONG ? fail(`${what} does not fit 64 bits`) : exact;

const asString = (value: CedarValue): string =>
  typeof value === 'string' ? value : fail(`expected a string, got ${typeName(value)}`);

function decimal(text: string): Decimal {
  const [, sign, whole = '', fraction = ''] =
    /^(-?)(0*\d{1,15})\.(\d{1,4})$/.exec(text) ?? fail(`"${text}" is not a decimal`);
  const units = BigInt(whole + fraction.padEnd(4, '0'));
  return { kind: 'decimal', units: within(sign === '-' ? -units : units, `decimal "${text}"`) };
}

function ip(text: string): IpAddress {
  const [host = '', prefix, ...rest] = text.split('/');
  if (rest.length > 0) fail(`"${text}" is not an IP address`);
  const bits = host.includes(':') ? 128 : 32;
  const address = bits === 32 ? ipv4(host) : ipv6(host);
  if (address === undefined) fail(`"${text}" is not an IP address`);
  if (prefix === undefined) return { kind: 'ipaddr', bits, address, prefix: bits };
  if (!/^(?:0|[1-9]\d{0,2})$/.test(prefix) || Number(prefix) > bits) fail(`"${text}" has no valid prefix length`);
  return { kind: 'ipaddr', bits, address, prefix: Number(prefix) };
}

function ipv4(text: string): bigint | undefined {
  const octets = text.split('.');
  if (octets.length !== 4 || !octets.every((octet) => /^(?:0|[1-9]\d{0,2})$/.test(octet) && Number(octet) < 256)) {
    return undefined;
  }
  return octets.reduce((sum, octet) => (sum << 8n) | BigInt(octet), 0n);
}

function ipv6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')));
  const [head = [], tail = []] = groups;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const all = [...head, ...Array.from({ length: missing }, () => '0'), ...tail];
  if (!all.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  return all.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}

const first = ({ bits, address, prefix }: IpAddress): bigint =>
  (address >> BigInt(bits - prefix)) << BigInt(bits - prefix);
const last = (range: IpAddress): bigint => first(range) | ((1n << BigInt(range.bits - range.prefix)) - 1n);

/** Every address of `inner` lies in `outer`. */
const inRange = (inner: IpAddress, outer: IpAddress): boolean =>
  inner.bits === outer.bits && first(inner) >= first(outer) && last(inner) <= last(outer);

const LOOPBACK = [ip('127.0.0.0/8'), ip('::1')];
const MULTICAST = [ip('224.0.0.0/4'), ip('ff00::/8')];

const DAY = 86_400_000n;
const UNITS: Readonly<Record<string, bigint>> = { d: DAY, h: 3_600_000n, m: 60_000n, s: 1_000n, ms: 1n };

function duration(text: string): Duration {
  const pattern =
    /^(-?)(?:(0*\d{1,19})d)?(?:(0*\d{1,19})h)?(?:(0*\d{1,19})m(?!s))?(?:(0*\d{1,19})s)?(?:(0*\d{1,19})ms)?$/;
  const [, sign, ...counts] = pattern.exec(text) ?? fail(`"${text}" is not a duration`);
  if (counts.every((count) => count === undefined)) fail(`"${text}" is not a duration`);
  const millis = Object.values(UNITS).reduce((sum, unit, at) => sum + unit * BigInt(counts[at] ?? 0), 0n);
  return { kind: 'duration', millis: within(sign === '-' ? -millis : millis, `duration "${text}"`) };
}

const DATETIME = /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{3}))?(?:Z|([+-])(\d{2})(\d{2})))?$/;

function datetime(text: string): Datetime {
  const [, year, month, day, hour = 0, minute = 0, second = 0, milli = 0, sign, offsetHour = 0, offsetMinute = 0] =
    DATETIME.exec(text) ?? fail(`"${text}" is not a datetime`);
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  const real = date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
  const clock = Number(hour) < 24 && Number(minute) < 60 && Number(second) < 60;
  const offset = Number(offsetHour) < 24 && Number(offsetMinute) < 60;
  if (!real || !clock || !offset) fail(`"${text}" is not a datetime`);
  date.setUTCHours(Number(hour), Number(minute), Number(second), Number(milli));
  const shift = (Number(offsetHour) * 60 + Number(offsetMinute)) * 60_000 * (sign === '-' ? -1 : 1);
  return { kind: 'datetime', millis: BigInt(date.getTime() - shift) };
}

type ExtensionKind = 'decimal' | 'ipaddr' | 'datetime' | 'duration';
type OfKind<Kind extends ExtensionKind> = Extract<CedarValue, { kind: Kind }>;

function as<Kind extends ExtensionKind>(kind: Kind, value: CedarValue | undefined): OfKind<Kind> {
  if (typeof value === 'object' && 'kind' in value && value.kind === kind) return value as OfKind<Kind>;
  return fail(`expected ${kind}, got ${value === undefined ? 'nothing' : typeName(value)}`);
}

type Method = (self: CedarValue, argument: CedarValue | undefined) => CedarValue;

const compareDecimals =
  (holds: (a: bigint, b: bigint) => boolean): Method =>
  (a, b) =>
    holds(as('decimal', a).units, as('decimal', b).units);

const durationIn =
  (unit: bigint): Method =>
  (self) =>
    toLong(as('duration', self).millis / unit) ?? 0;

const floorDay = (millis: bigint): bigint => millis - (((millis % DAY) + DAY) % DAY);

/** The functions and methods of all extension types, by the name that Cedar's JSON form gives them. */
export const EXTENSION_FUNCTIONS: ReadonlyMap<string, { readonly arity: 1 | 2; readonly apply: Method }> = new Map(
  Object.entries<[1 | 2, Method]>({
    decimal: [1, (text) => decimal(asString(text))],
    ip: [1, (text) => ip(asString(text))],
    datetime: [1, (text) => datetime(asString(text))],
    duration: [1, (text) => duration(asString(text))],

    lessThan: [2, compareDecimals((a, b) => a < b)],
    lessThanOrEqual: [2, compareDecimals((a, b) => a <= b)],
    greaterThan: [2, compareDecimals((a, b) => a > b)],
    greaterThanOrEqual: [2, compareDecimals((a, b) => a >= b)],

    isIpv4: [1, (self) => as('ipaddr', self).bits === 32],
    isIpv6: [1, (self) => as('ipaddr', self).bits === 128],
    isLoopback: [1, (self) => LOOPBACK.some((range) => inRange(as('ipaddr', self), range))],
    isMulticast: [1, (self) => MULTICAST.some((range) => inRange(as('ipaddr', self), range))],
    isInRange: [2, (self, range) => inRange(as('ipaddr', self), as('ipaddr', range))],

    offset: [
      2,
      (self, by) => ({
        kind: 'datetime',
        millis: within(as('datetime', self).millis + as('duration', by).millis, 'the datetime'),
      }),
    ],
    durationSince: [
      2,
      (self, since) => ({
        kind: 'duration',
        millis: within(as('datetime', self).millis - as('datetime', since).millis, 'the duration'),
      }),
    ],
    toDate: [
      1,
      (self) => ({ kind: 'datetime', millis: within(floorDay(as('datetime', self).millis), 'the datetime') }),
    ],
    toTime: [
      1,
      (self) => ({
        kind: 'duration',
        millis: as('datetime', self).millis - floorDay(as('datetime', self).millis),
      }),
    ],
    toMilliseconds: [1, durationIn(1n)],
    toSeconds: [1, durationIn(1_000n)],
    toMinutes: [1, durationIn(60_000n)],
    toHours: [1, durationIn(3_600_000n)],
    toDays: [1, durationIn(DAY)],
  }).map(([name, [arity, apply]]) => [name, { arity, apply }]),
);
