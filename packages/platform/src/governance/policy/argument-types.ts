import type { Expr, PolicyJson, SchemaJson } from '@cedar-policy/cedar-wasm/nodejs';
import { argumentPath } from './expression.ts';
import { EXTENSION_FUNCTIONS } from './extension.ts';

/*
 * The type of `context.arguments`, read off a policy.
 *
 * Arguments are whatever a tool or an agent takes, and Cedar has no open records, so the schema cannot give
 * them a type. Instead each policy is validated against the arguments it expects itself: `like` expects a
 * String, `<` a Long, `==` what stands on the other side. All are optional, so the validator insists on `has`
 * before each access – which is what keeps a missing argument from being an evaluation error.
 */

/** A type in Cedar's JSON schema form. */
type Type = { readonly type: string; readonly [detail: string]: unknown };

const BOOL: Type = { type: 'Boolean' };
const LONG: Type = { type: 'Long' };
const STRING: Type = { type: 'String' };
const DECIMAL: Type = { type: 'Extension', name: 'decimal' };
const setOfType = (element: Type): Type => ({ type: 'Set', element });

/** What is known of one argument: its members if it is a record, else its type. */
interface Argument {
  type: Type | undefined;
  readonly members: Map<string, Argument>;
}

/** The common type of the schema that stands for the arguments of a call. */
const ARGUMENTS = 'Arguments';

/**
 * For each policy, the schema with the arguments that the policy expects; the schema itself for a policy that
 * looks at none.
 */
export function schemaWithArguments(schema: SchemaJson<string>): (policy: PolicyJson) => SchemaJson<string> {
  const space = schema[''];
  if (space?.commonTypes?.[ARGUMENTS] === undefined) return () => schema;
  const attributes = attributeTypes(schema);
  return (policy) => {
    const found: Argument = { type: undefined, members: new Map() };
    const infer = inference(found, attributes);
    for (const { body } of policy.conditions) infer(body, BOOL);
    if (found.members.size === 0) return schema;
    return { ...schema, '': { ...space, commonTypes: { ...space.commonTypes, [ARGUMENTS]: typeOf(found) } } };
  };
}

function typeOf({ type, members }: Argument): Type {
  if (members.size === 0) return type ?? STRING;
  const attributes = Array.from(members, ([name, member]) => [name, { ...typeOf(member), required: false }] as const);
  return { type: 'Record', attributes: Object.fromEntries(attributes) };
}

/** Attribute name → type, over all entities and contexts of the schema that give it one. */
function attributeTypes(schema: SchemaJson<string>): Map<string, Type> {
  const found = new Map<string, Type>();
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    for (const [key, child] of Object.entries(node)) {
      if (key === 'attributes') {
        for (const [name, { type, name: named, ...rest }] of Object.entries(child as Record<string, Type>)) {
          const plain = type === 'EntityOrCommon' ? named : type;
          if (plain === 'Bool' || plain === 'Boolean') found.set(name, BOOL);
          else if (plain === 'Long' || plain === 'String') found.set(name, { type: plain });
          else if (plain === 'Set') found.set(name, { type: plain, element: rest['element'] });
        }
      }
      visit(child);
    }
  };
  visit(schema);
  return found;
}

/** Walks an expression with the type expected of it, noting what is expected of arguments. */
function inference(root: Argument, attributes: ReadonlyMap<string, Type>) {
  const note = (path: readonly string[], expected: Type | undefined): void => {
    let argument = root;
    for (const name of path) {
      const next = argument.members.get(name) ?? { type: undefined, members: new Map<string, Argument>() };
      argument.members.set(name, next);
      argument = next;
    }
    argument.type ??= expected;
  };

  const infer = (expr: Expr, expected?: Type): void => {
    const path = argumentPath(expr);
    if (path !== undefined) return note(path, expected);
    const [[operator, operands] = ['', undefined]] = Object.entries(expr);
    const { left, right, arg } = (operands ?? {}) as { left: Expr; right: Expr; arg: Expr };
    switch (operator) {
      case '&&':
      case '||':
        infer(left, BOOL);
        return infer(right, BOOL);
      case '!':
        return infer(arg, BOOL);
      case '<':
      case '<=':
      case '>':
      case '>=':
      case '+':
      case '-':
      case '*':
        infer(left, LONG);
        return infer(right, LONG);
      case 'neg':
        return infer(arg, LONG);
      case '==':
      case '!=':
      case 'containsAll':
      case 'containsAny': {
        const unknown = operator.startsWith('contains') ? setOfType(STRING) : undefined;
        infer(left, known(right) ?? unknown);
        return infer(right, known(left) ?? unknown);
      }
      case 'contains':
        infer(left, setOfType(known(right) ?? STRING));
        return infer(right, known(left)?.['element'] as Type | undefined);
      case 'isEmpty':
        return infer(arg, setOfType(STRING));
      case 'like':
        return infer(left, STRING);
      case 'has': {
        const { attr } = operands as { attr: string | string[] };
        const base = argumentPath(left);
        return base === undefined ? infer(left) : note(base.concat(attr), undefined);
      }
      case 'if-then-else': {
        const { if: condition, then, else: otherwise } = operands as { if: Expr; then: Expr; else: Expr };
        infer(condition, BOOL);
        infer(then, expected ?? known(otherwise));
        return infer(otherwise, expected ?? known(then));
      }
      case 'Set':
        for (const item of operands as Expr[])
          infer(item, (expected?.['element'] as Type | undefined) ?? (known(expr)?.['element'] as Type | undefined));
        return;
      case 'Record':
        for (const field of Object.values(operands as Record<string, Expr>)) infer(field);
        return;
      default:
        if (EXTENSION_FUNCTIONS.has(operator)) {
          const constructs = ['ip', 'decimal', 'datetime', 'duration'].includes(operator);
          for (const item of operands as Expr[]) infer(item, constructs ? STRING : DECIMAL);
        } else if (left !== undefined) {
          infer(left);
          if (right !== undefined) infer(right);
        }
    }
  };

  /** The type of an expression, as far as it is plain without looking at arguments. */
  const known = (expr: Expr): Type | undefined => {
    if (argumentPath(expr) !== undefined) return undefined;
    const [[operator, operands] = ['', undefined]] = Object.entries(expr);
    if (operator === 'Value') return literalType(operands);
    if (operator === '.') return attributes.get((operands as { attr: string }).attr);
    if (operator === 'decimal') return DECIMAL;
    if (operator === 'Set') {
      const element = (operands as Expr[]).map(known).find((type) => type !== undefined);
      return element && setOfType(element);
    }
    if (operator === 'if-then-else') {
      const { then, else: otherwise } = operands as { then: Expr; else: Expr };
      return known(then) ?? known(otherwise);
    }
    if (['+', '-', '*', 'neg'].includes(operator)) return LONG;
    return ['!', '&&', '||', '==', '!=', '<', '<=', '>', '>=', 'in', 'is', 'has', 'like'].includes(operator)
      ? BOOL
      : undefined;
  };

  return infer;
}

function literalType(value: unknown): Type | undefined {
  if (typeof value === 'boolean') return BOOL;
  if (typeof value === 'number') return LONG;
  return typeof value === 'string' ? STRING : undefined;
}
