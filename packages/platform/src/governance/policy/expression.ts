import type { Expr } from '@cedar-policy/cedar-wasm/nodejs';
import { hasArgument, readArgument, wholeContext } from './arguments.ts';
import type { Evaluation } from './evaluation.ts';
import { EvaluationError, fail, findEntity, isIn } from './evaluation.ts';
import { EXTENSION_FUNCTIONS } from './extension.ts';
import { compilePattern } from './like.ts';
import type { CedarSet, CedarValue, EntityRef, Long } from './value.ts';
import { containsAll, containsAny, entity, equal, isEntity, isLong, isRecord, isSet } from './value.ts';
import { setHas, setItems, setOf, setSize, showEntity, toLong, typeName } from './value.ts';

/** An expression, compiled. Throws EvaluationError where Cedar's evaluator fails. */
export type Evaluate = (evaluation: Evaluation) => CedarValue;

/** The expression has a part that closures do not cover; the policy goes to cedar-wasm as a whole. */
export class UnsupportedExpression extends Error {
  override readonly name = 'UnsupportedExpression';
}

/**
 * Compiles an expression in Cedar's JSON form (https://docs.cedarpolicy.com/policies/json-format.html) into
 * a closure. What does not depend on the request is worked out now.
 *
 * @throws UnsupportedExpression for tags, template slots, unknowns, and integers that JSON numbers do not
 *   hold exactly.
 */
function compileExpression(expr: Expr): Evaluate {
  const [[operator, operands] = fail('an expression without operator')] = Object.entries(expr);
  const compile = COMPILERS.get(operator);
  if (compile !== undefined) return compile(operands as never);
  const call = EXTENSION_FUNCTIONS.get(operator);
  if (call === undefined) throw new UnsupportedExpression(operator);
  const [self, argument] = (operands as Expr[]).map(compileExpression);
  if (self === undefined || (call.arity === 2) !== (argument !== undefined)) throw new UnsupportedExpression(operator);
  return foldConstant(operands as Expr[], (e) => call.apply(self(e), argument?.(e)));
}

/** What these give is a boolean, or they fail. */
const LOGICAL = new Set([
  '!',
  '&&',
  '||',
  '==',
  '!=',
  '<',
  '<=',
  '>',
  '>=',
  'in',
  'is',
  'has',
  'like',
  'isEmpty',
]).union(new Set(['contains', 'containsAll', 'containsAny']));

/** A condition: must be a boolean. */
export function compileCondition(expr: Expr): (evaluation: Evaluation) => boolean {
  const value = compileExpression(expr);
  if (LOGICAL.has(Object.keys(expr)[0] ?? '')) return value as (evaluation: Evaluation) => boolean;
  return (e) => asBoolean(value(e));
}

type Binary = { left: Expr; right: Expr };
type Unary = { arg: Expr };

const OPERATORS: Readonly<Record<string, (operands: never) => Evaluate>> = {
  Value: (json: unknown) => {
    const value = literal(json);
    return () => value;
  },
  Var: compileVariable,
  '!': ({ arg }: Unary) => {
    const condition = compileCondition(arg);
    return (e) => !condition(e);
  },
  neg: ({ arg }: Unary) => {
    const value = compileExpression(arg);
    return (e) => negate(value(e));
  },
  '&&': compileAnd,
  '||': ({ left, right }: Binary) => {
    const [a, b] = [compileCondition(left), compileCondition(right)];
    return (e) => a(e) || b(e);
  },
  '==': compileEqual,
  '!=': (operands: Binary) => {
    const same = compileEqual(operands);
    return (e) => !same(e);
  },
  '<': binary((a, b) => compare(a, b) < 0),
  '<=': binary((a, b) => compare(a, b) <= 0),
  '>': binary((a, b) => compare(a, b) > 0),
  '>=': binary((a, b) => compare(a, b) >= 0),
  '+': arithmetic(
    (a, b) => a + b,
    (a, b) => a + b,
  ),
  '-': arithmetic(
    (a, b) => a - b,
    (a, b) => a - b,
  ),
  '*': arithmetic(
    (a, b) => a * b,
    (a, b) => a * b,
  ),
  in: compileIn,
  is: compileIs,
  contains: binary((set, item) => setHas(asSet(set), item)),
  containsAll: binary((set, of) => containsAll(asSet(set), asSet(of))),
  containsAny: binary((set, of) => containsAny(asSet(set), asSet(of))),
  isEmpty: ({ arg }: Unary) => {
    const set = compileExpression(arg);
    return (e) => setSize(asSet(set(e))) === 0;
  },
  like: ({ left, pattern }: { left: Expr; pattern: Parameters<typeof compilePattern>[0] }) => {
    const [text, matches] = [compileExpression(left), compilePattern(pattern)];
    return (e) => matches(asString(text(e)));
  },
  '.': compileAttribute,
  has: compileHas,
  'if-then-else': (branches: { if: Expr; then: Expr; else: Expr }) => {
    const condition = compileCondition(branches.if);
    const [yes, no] = [compileExpression(branches.then), compileExpression(branches.else)];
    return (e) => (condition(e) ? yes(e) : no(e));
  },
  Set: (items: Expr[]) => {
    const values = items.map(compileExpression);
    return foldConstant(items, (e) => setOf(values.map((value) => value(e))));
  },
  Record: (fields: Record<string, Expr>) => {
    const values = Object.entries(fields).map(([name, field]) => [name, compileExpression(field)] as const);
    return foldConstant(Object.values(fields), (e) => new Map(values.map(([name, value]) => [name, value(e)])));
  },
};

const COMPILERS = new Map(Object.entries(OPERATORS));

function literal(json: unknown): CedarValue {
  if (typeof json === 'boolean' || typeof json === 'string') return json;
  // A larger integer has lost digits on its way through JSON; cedar-wasm still has the text.
  if (typeof json === 'number' && Number.isSafeInteger(json)) return json;
  const ref = (json as { __entity?: { type: string; id: string } } | null)?.__entity;
  if (ref === undefined) throw new UnsupportedExpression('Value');
  return entity(ref.type, ref.id);
}

/** Works a closure out now if its operands are constant; one that fails keeps failing at each evaluation. */
function foldConstant<T>(operands: readonly Expr[], evaluate: (e: Evaluation) => T): (e: Evaluation) => T {
  if (!operands.every(isConstant)) return evaluate;
  try {
    const value = evaluate(undefined as never);
    return () => value;
  } catch (error) {
    if (error instanceof EvaluationError) return evaluate;
    throw error;
  }
}

function isConstant(expr: Expr): boolean {
  const [[operator, operands] = ['']] = Object.entries(expr);
  if (operator === 'Value') return true;
  if (operator === 'Set' || EXTENSION_FUNCTIONS.has(operator)) return (operands as Expr[]).every(isConstant);
  return operator === 'Record' && Object.values(operands as Record<string, Expr>).every(isConstant);
}

function compileVariable(name: string): Evaluate {
  switch (name) {
    case 'principal':
      return (e) => e.principal;
    case 'action':
      return (e) => e.action;
    case 'resource':
      return (e) => e.resource;
    case 'context':
      return wholeContext;
    default:
      throw new UnsupportedExpression(name);
  }
}

/** A chain of `&&` is one closure over its parts, evaluated left to right until one is false. */
function compileAnd(operands: Binary): Evaluate {
  const [first, second, ...others] = conjuncts({ '&&': operands }).map(compileCondition);
  if (first === undefined || second === undefined) throw new UnsupportedExpression('&&');
  if (others.length === 0) return (e) => first(e) && second(e);
  return (e) => {
    if (!first(e) || !second(e)) return false;
    for (const other of others) if (!other(e)) return false;
    return true;
  };
}

/** The parts of a chain of `&&`, in order. */
export function conjuncts(expr: Expr): Expr[] {
  const parts: Expr[] = [];
  const waiting: Expr[] = [expr];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if ('&&' in next) waiting.push((next['&&'] as Binary).right, (next['&&'] as Binary).left);
    else parts.push(next);
  }
  return parts;
}

function compileEqual({ left, right }: Binary): (e: Evaluation) => boolean {
  const [a, b] = [compileExpression(left), compileExpression(right)];
  if ('Value' in right && typeof right.Value !== 'object') {
    const constant = right.Value as CedarValue;
    return (e) => a(e) === constant;
  }
  return (e) => equal(a(e), b(e));
}

function binary(apply: (left: CedarValue, right: CedarValue) => CedarValue): (operands: Binary) => Evaluate {
  return ({ left, right }) => {
    const [a, b] = [compileExpression(left), compileExpression(right)];
    return (e) => apply(a(e), b(e));
  };
}

/** Integers of 64 bits; in doubles as long as the result is exact. */
function arithmetic(fast: (a: number, b: number) => number, exact: (a: bigint, b: bigint) => bigint) {
  return binary((left, right) => {
    const [a, b] = [asLong(left), asLong(right)];
    if (typeof a === 'number' && typeof b === 'number') {
      const result = fast(a, b);
      if (Number.isSafeInteger(result)) return result;
    }
    return toLong(exact(BigInt(a), BigInt(b))) ?? fail('integer overflow');
  });
}

function negate(value: CedarValue): Long {
  return toLong(-BigInt(asLong(value))) ?? fail('integer overflow');
}

/** Below, at or above zero, as `a` is before, at or after `b`: Longs, datetimes or durations. */
function compare(a: CedarValue, b: CedarValue): number {
  const [x, y] = [ordinal(a), ordinal(b)];
  if (typeName(a) !== typeName(b)) fail(`expected ${typeName(a)}, got ${typeName(b)}`);
  return x < y ? -1 : Number(x > y);
}

function ordinal(value: CedarValue): Long {
  if (isLong(value)) return value;
  if (typeof value === 'object' && 'millis' in value) return value.millis;
  return fail(`expected long, datetime or duration, got ${typeName(value)}`);
}

function compileIn({ left, right }: Binary): Evaluate {
  const [descendant, ancestors] = [compileExpression(left), compileAncestors(right)];
  return (e) => isInAny(e, asEntity(descendant(e)), ancestors(e));
}

function compileIs({ left, entity_type: type, in: within }: { left: Expr; entity_type: string; in?: Expr }): Evaluate {
  const [value, ancestors] = [compileExpression(left), within && compileAncestors(within)];
  return (e) => {
    const ref = asEntity(value(e));
    return ref.type === type && (ancestors === undefined || isInAny(e, ref, ancestors(e)));
  };
}

/** The right side of `in`: an entity, or a set that holds nothing but entities. */
function compileAncestors(expr: Expr): (e: Evaluation) => readonly string[] {
  const value = compileExpression(expr);
  return foldConstant([expr], (e) => {
    const ancestors = value(e);
    return isEntity(ancestors) ? [ancestors.uid] : Array.from(setItems(asSet(ancestors)), (item) => asEntity(item).uid);
  });
}

const isInAny = (e: Evaluation, ref: EntityRef, uids: readonly string[]): boolean =>
  uids.some((uid) => isIn(e, ref, uid));

function compileAttribute({ left, attr }: { left: Expr; attr: string }): Evaluate {
  const path = argumentPath({ '.': { left, attr } });
  if (path !== undefined) return (e) => readArgument(e, path);
  if (isContext(left)) return (e) => e.context.get(attr) ?? fail(`context has no attribute ${JSON.stringify(attr)}`);
  const value = compileExpression(left);
  if ('Var' in left && left.Var === 'principal') {
    return (e) => e.principalEntity?.attrs.get(attr) ?? attribute(e, e.principal, attr);
  }
  if ('Var' in left && left.Var === 'resource') {
    return (e) => e.resourceEntity?.attrs.get(attr) ?? attribute(e, e.resource, attr);
  }
  return (e) => attribute(e, value(e), attr);
}

function compileHas({ left, attr }: { left: Expr; attr: string | string[] }): Evaluate {
  const names = [attr].flat();
  const path = argumentPath(left);
  if (path !== undefined) {
    const whole = path.concat(names);
    return (e) => hasArgument(e, whole, path.length);
  }
  if (isContext(left) && names[0] === 'arguments') return (e) => hasArgument(e, names.slice(1), 0);
  const value = isContext(left) ? (e: Evaluation) => e.context : compileExpression(left);
  return (e) => {
    let current: CedarValue | undefined = value(e);
    for (const name of names) {
      current = findAttribute(e, current, name);
      if (current === undefined) return false;
    }
    return true;
  };
}

const isContext = (expr: Expr): boolean => 'Var' in expr && expr.Var === 'context';

/** `['a', 'b']` for `context.arguments.a.b`, `[]` for `context.arguments`, undefined for what is neither. */
export function argumentPath(expr: Expr): string[] | undefined {
  if (!('.' in expr)) return undefined;
  const { left, attr } = expr['.'] as { left: Expr; attr: string };
  if (isContext(left)) return attr === 'arguments' ? [] : undefined;
  return argumentPath(left)?.concat(attr);
}

function attribute(e: Evaluation, of: CedarValue, name: string): CedarValue {
  const value = findAttribute(e, of, name);
  if (value !== undefined) return value;
  if (!isEntity(of)) return fail(`record has no attribute ${JSON.stringify(name)}`);
  const known = findEntity(e, of.uid) !== undefined;
  return fail(known ? `${showEntity(of)} has no attribute ${JSON.stringify(name)}` : `${showEntity(of)} is not known`);
}

function findAttribute(e: Evaluation, of: CedarValue, name: string): CedarValue | undefined {
  if (isEntity(of)) return findEntity(e, of.uid)?.attrs.get(name);
  return isRecord(of) ? of.get(name) : fail(`expected a record or an entity, got ${typeName(of)}`);
}

const asBoolean = (value: CedarValue): boolean =>
  typeof value === 'boolean' ? value : fail(`expected bool, got ${typeName(value)}`);
const asString = (value: CedarValue): string =>
  typeof value === 'string' ? value : fail(`expected string, got ${typeName(value)}`);
const asLong = (value: CedarValue): Long => (isLong(value) ? value : fail(`expected long, got ${typeName(value)}`));
const asSet = (value: CedarValue): CedarSet => (isSet(value) ? value : fail(`expected set, got ${typeName(value)}`));
const asEntity = (value: CedarValue): EntityRef =>
  isEntity(value) ? value : fail(`expected an entity, got ${typeName(value)}`);
