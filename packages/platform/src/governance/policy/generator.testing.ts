import * as fc from 'fast-check';
import { entitySlice } from './entity-slice.ts';
import type { Entity, PolicyRequest } from './types.ts';
import type { CedarRecord, CedarValue, EntityRef } from './value.ts';
import { entity, quote, setOf, showEntity } from './value.ts';

/*
 * For tests: policies and requests of every shape that Cedar has, mostly of fitting types and now and then
 * of others, over a world so small that they often meet.
 */

/** In the order of the hierarchy: each may be in any that come later, so there are no cycles. */
const ENTITIES = [
  entity('U', 'a'),
  entity('U', 'b'),
  entity('R', 'a'),
  entity('R', '"'),
  entity('G', 'a'),
  entity('G', 'b'),
  entity('G', '__proto__'),
];
const ACTIONS = [entity('Action', 'see'), entity('Action', 'go'), entity('Action', 'use'), entity('Action', 'all')];
const PRINCIPALS = [entity('U', 'a'), entity('U', 'b'), entity('U', 'unknown'), entity('G', 'a')];
const RESOURCES = [entity('R', 'a'), entity('R', '"'), entity('G', 'b')];

type Type = 'bool' | 'long' | 'string' | 'set' | 'entity' | 'record' | 'decimal' | 'ip' | 'datetime' | 'duration';

/** Attributes by name and the type that they mostly have. */
const ATTRIBUTES = {
  flag: 'bool',
  count: 'long',
  text: 'string',
  set: 'set',
  link: 'entity',
  inner: 'record',
  __proto__: 'string',
  constructor: 'long',
  'two words': 'bool',
} as const satisfies Record<string, Type>;
const NAMES = ['flag', 'count', 'text', 'set', 'link', 'inner', '__proto__', 'constructor', 'two words'];
const typeOfName = (name: string): Type => Object.entries(ATTRIBUTES).find(([key]) => key === name)?.[1] ?? 'string';

const STRINGS = ['', 'a', 'b', 'ab', 'a*b', '\\', '"', '\n', 'é', '😀', '*', '__proto__'];
const LONGS = [0, 1, 2, -1, -2, 10, 2 ** 31, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
const LITERALS: Partial<Record<Type, string[]>> = {
  bool: ['true', 'false'],
  long: LONGS.map(String),
  string: STRINGS.map(quote),
  set: ['[]', '[1, 2]', '["a", "b"]', '[[1], {}]', '[U::"a", G::"a"]'],
  entity: [...ENTITIES, entity('U', 'unknown'), ...ACTIONS].map(showEntity),
  record: ['{}', '{count: 1}', '{"__proto__": "a"}', '{inner: {count: 1}}'],
  decimal: ['0.0', '1.5', '-1.5', '922337203685477.5807', '1', '1.00000'].map((text) => `decimal("${text}")`),
  ip: ['10.0.0.1', '10.0.0.0/8', '127.0.0.1', '::1', 'ff00::/8', '0.0.0.0/0', '10.0.0'].map((text) => `ip("${text}")`),
  datetime: ['2024-01-01', '1969-12-31T23:00:00Z', '2024-02-29T00:00:00+0130', 'today'].map((t) => `datetime("${t}")`),
  duration: ['0ms', '1d', '-1h30m', '9223372036854775807ms', '1h1d'].map((text) => `duration("${text}")`),
};
const TYPES = Object.keys(LITERALS) as Type[];

/** Cedar text with holes: `type` for an expression of that type. */
const FORMS: Record<Type, string[]> = {
  bool: [
    '<bool> && <bool>',
    '<bool> || <bool>',
    '!<bool>',
    '<long> < <long>',
    '<long> <= <long>',
    '<long> > <long>',
    '<long> >= <long>',
    '<datetime> < <datetime>',
    '<duration> >= <duration>',
    '<same> == <same>',
    '<any> != <any>',
    '<entity> in <entity>',
    '<entity> in [<entity>, <entity>]',
    '<entity> in <set>',
    '<entity> is U',
    '<entity> is G in <entity>',
    '<set>.contains(<any>)',
    '<set>.containsAll(<set>)',
    '<set>.containsAny(<set>)',
    '<set>.isEmpty()',
    '<string> like <pattern>',
    '<has>',
    '<has>',
    '<decimal>.lessThan(<decimal>)',
    '<decimal>.greaterThanOrEqual(<decimal>)',
    '<ip>.isInRange(<ip>)',
    '<ip>.isIpv4()',
    '<ip>.isLoopback()',
    '<ip>.isMulticast()',
    '<guarded>',
    '<guarded>',
  ],
  long: ['<long> + <long>', '<long> - <long>', '<long> * <long>', '-<long>', '<duration>.toHours()'],
  string: [],
  set: ['[<any>, <any>]', '[<long>, <long>, <long>]', '[<string>]', '[<entity>]'],
  entity: ['principal', 'action', 'resource', 'principal', 'resource'],
  record: ['context', '{count: <long>, inner: {count: <long>}}', '{text: <any>}'],
  decimal: ['decimal(<string>)'],
  ip: ['ip(<string>)'],
  datetime: ['<datetime>.offset(<duration>)', '<datetime>.toDate()'],
  duration: ['<datetime>.durationSince(<datetime>)', '<datetime>.toTime()'],
};

const known = new Map<string, fc.Arbitrary<string>>();

/** An expression of a type (almost always), no deeper than `depth`. */
function expression(type: Type, depth: number): fc.Arbitrary<string> {
  const key = `${type} ${depth}`;
  const made = known.get(key) ?? makeExpression(type, depth);
  known.set(key, made);
  return made;
}

function makeExpression(type: Type, depth: number): fc.Arbitrary<string> {
  const literal = fc.constantFrom(...(LITERALS[type] ?? []));
  if (depth === 0) return literal;
  const forms = FORMS[type].map((form) => fill(form, depth - 1));
  const attribute = fc
    .constantFrom(...NAMES.filter((name) => typeOfName(name) === type), 'count')
    .chain((name) => fill(`<holder>[${quote(name)}]`, depth - 1));
  const condition = fill(`if <bool> then <${type}> else <${type}>`, depth - 1);
  const wrongType = fc.constantFrom(...TYPES).chain((other) => expression(other, depth - 1));
  return fc.oneof(
    { weight: 3, arbitrary: literal },
    { weight: 4, arbitrary: attribute },
    { weight: 1, arbitrary: condition },
    { weight: 1, arbitrary: wrongType },
    ...(forms.length === 0 ? [] : [{ weight: 8, arbitrary: fc.oneof(...forms) }]),
  );
}

function fill(form: string, depth: number): fc.Arbitrary<string> {
  const parts = form.split(/<(\w+)>/);
  const same = fc.constantFrom(...TYPES);
  const hole = (name: string, type: Type): fc.Arbitrary<string> => {
    switch (name) {
      case 'same':
        return expression(type, depth);
      case 'any':
        return same.chain((any) => expression(any, depth));
      case 'holder':
        return fc.oneof(
          fc.constantFrom('context', 'principal', 'resource', 'context.arguments', 'context.arguments.inner'),
          expression('record', depth),
          expression('entity', depth),
        );
      case 'pattern':
        return fc
          .array(fc.constantFrom(...STRINGS.map((text) => quote(text).slice(1, -1).replaceAll('*', '\\*')), '*', 'a'))
          .map((pieces) => `"${pieces.join('')}"`);
      case 'has':
        return fc.tuple(hole('holder', type), fc.constantFrom(...NAMES, 'inner.count')).map(([holder, attribute]) => {
          return `(${holder}) has ${attribute.includes('.') ? attribute : quote(attribute)}`;
        });
      case 'guarded':
        return fc.tuple(hole('holder', type), fc.constantFrom(...NAMES)).chain(([holder, attribute]) =>
          expression(typeOfName(attribute), depth).map((other) => {
            const at = quote(attribute);
            return `(${holder}) has ${at} && (${holder})[${at}] == (${other})`;
          }),
        );
      default:
        return expression(name as Type, depth);
    }
  };
  return same.chain((type) =>
    fc
      .tuple(
        ...parts.map((part, at) =>
          at % 2 === 0
            ? fc.constant(part)
            : part === 'pattern'
              ? hole(part, type)
              : hole(part, type).map((text) => `(${text})`),
        ),
      )
      .map((texts) => texts.join('')),
  );
}

const constraint = (variable: string, refs: readonly EntityRef[]): fc.Arbitrary<string> => {
  const ref = fc.constantFrom(...refs, ...ENTITIES).map(showEntity);
  const type = fc.constantFrom('U', 'R', 'G');
  return fc.oneof(
    { weight: 8, arbitrary: fc.constant(variable) },
    ref.map((uid) => `${variable} == ${uid}`),
    ref.map((uid) => `${variable} in ${uid}`),
    type.map((name) => `${variable} is ${name}`),
    fc.tuple(type, ref).map(([name, uid]) => `${variable} is ${name} in ${uid}`),
  );
};

const action = fc.constantFrom(...ACTIONS).map(showEntity);
const actionConstraint = fc.oneof(
  { weight: 6, arbitrary: fc.constant('action') },
  action.map((uid) => `action == ${uid}`),
  action.map((uid) => `action in ${uid}`),
  fc.array(action, { maxLength: 3 }).map((uids) => `action in [${uids.join(', ')}]`),
);

const clause = fc
  .tuple(fc.constantFrom('when', 'when', 'unless'), expression('bool', 3))
  .map(([kind, body]) => `${kind} { ${body} }`);

/** One policy as Cedar text. */
export const policy: fc.Arbitrary<string> = fc
  .tuple(
    fc.constantFrom('permit', 'permit', 'forbid'),
    constraint('principal', PRINCIPALS),
    actionConstraint,
    constraint('resource', RESOURCES),
    fc.array(clause, { maxLength: 2 }),
  )
  .map(([effect, ...scope]) => `${effect} (${scope.slice(0, 3).join(', ')}) ${scope.slice(3).flat().join(' ')};`);

const scalar = (type: Type): fc.Arbitrary<CedarValue> => {
  switch (type) {
    case 'bool':
      return fc.boolean();
    case 'long':
      return fc.constantFrom(...LONGS);
    case 'entity':
      return fc.constantFrom(...ENTITIES);
    case 'set':
      return fc.array(fc.oneof(scalar('long'), scalar('string'), scalar('entity')), { maxLength: 3 }).map(setOf);
    case 'record':
      return attributes(0);
    case 'decimal':
      return fc.constantFrom(0n, 15_000n, -15_000n).map((units) => ({ kind: 'decimal', units }));
    default:
      return fc.constantFrom(...STRINGS);
  }
};

/** Some of the attributes, mostly of the type that goes with their name. */
function attributes(depth: number): fc.Arbitrary<CedarRecord> {
  const one = fc.constantFrom(...NAMES).chain((name) => {
    const type = typeOfName(name);
    const fitting = type === 'record' && depth > 0 ? attributes(depth - 1) : scalar(type);
    const other = fc.constantFrom(...TYPES).chain(scalar);
    return fc.tuple(fc.constant(name), fc.oneof({ weight: 9, arbitrary: fitting }, { weight: 1, arbitrary: other }));
  });
  return fc.array(one, { maxLength: 8 }).map((entries) => new Map(entries));
}

/** JSON that has a Cedar value. */
const json: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  object: fc
    .array(fc.tuple(fc.constantFrom(...NAMES), tie('any')), { maxLength: 5 })
    .map((entries) => Object.fromEntries(entries) as unknown),
  any: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom<unknown>(...LONGS, ...STRINGS, true, false, 0.5, -1.25, 0.0001),
    fc.constant(null),
    tie('object'),
    fc.array(fc.constantFrom<unknown>(1, 'a', 'b', 0.5, [], { count: 1 }), { maxLength: 3 }),
  ),
})).object;

const entities: fc.Arbitrary<Entity[]> = fc
  .tuple(
    ...[...ENTITIES, ...ACTIONS].map((ref, at, all) => {
      const above = all.slice(at + 1).filter(({ type }) => (type === 'Action') === (ref.type === 'Action'));
      const parents = fc.subarray(above, { maxLength: Math.min(2, above.length) });
      const attrs = ref.type === 'Action' ? fc.constant<CedarRecord>(new Map()) : attributes(1);
      return fc.option(fc.record({ ref: fc.constant(ref), attrs, parents }), { freq: 6 });
    }),
  )
  .map((found) => found.filter((one) => one !== null));

/** A request that cedar-wasm can read too. */
export const request: fc.Arbitrary<PolicyRequest> = fc.record({
  principal: fc.constantFrom(...PRINCIPALS),
  action: fc.constantFrom(...ACTIONS),
  resource: fc.constantFrom(...RESOURCES),
  context: attributes(1),
  arguments: json,
  entities: entities.map(entitySlice),
});
