import type { AuthorizationAnswer, CedarValueJson, EntityJson, TypeAndId } from '@cedar-policy/cedar-wasm/nodejs';
import { wholeContext } from './arguments.ts';
import type { Cedar } from './cedar.ts';
import type { Evaluation } from './evaluation.ts';
import { fail } from './evaluation.ts';
import type { Entity } from './types.ts';
import type { CedarRecord, CedarValue, EntityRef, ExtensionValue } from './value.ts';
import { isRecord, setItems } from './value.ts';

/** What Cedar itself decides; nothing of the house's rules. Policies are named by their ids in the set. */
export interface CedarDecision {
  readonly effect: 'permit' | 'deny';
  /** The determining policies: satisfied permits of a permit, satisfied forbids of a deny. */
  readonly reasons: readonly string[];
  /** The policies that Cedar skipped because their evaluation failed. */
  readonly errors: readonly { readonly policy: string; readonly message: string }[];
}

/** Cedar texts by policy id. */
export type PolicyTexts = Readonly<Record<string, string>>;

/** The reference engine, holding one set of policies. */
export interface Oracle extends Disposable {
  /** @throws EvaluationError for a request that cedar-wasm cannot read. */
  authorize(evaluation: Evaluation): CedarDecision;
}

// cedar-wasm keeps what it has parsed by name and for ever, so names are used again.
const freeNames: string[] = [];
let names = 0;

/** Hands a set of policies to cedar-wasm, to be asked many times. Dispose of it, or it stays in memory. */
export function openOracle(cedar: Cedar, policies: PolicyTexts): Oracle {
  const name = freeNames.pop() ?? `set-${(names += 1)}`;
  const answer = cedar.preparsePolicySet(name, { staticPolicies: { ...policies } });
  if (answer.type === 'failure') throw new Error(answer.errors.map(({ message }) => message).join('; '));
  return {
    authorize: (evaluation) =>
      ask(() => cedar.statefulIsAuthorized({ ...toWasm(evaluation), preparsedPolicySetId: name })),
    [Symbol.dispose]() {
      cedar.preparsePolicySet(name, { staticPolicies: {} });
      freeNames.push(name);
    },
  };
}

/** Asks cedar-wasm once about one policy: is it satisfied? About a millisecond. */
export function isSatisfied(cedar: Cedar, text: string, evaluation: Evaluation): boolean {
  const policies = { staticPolicies: { policy: text } };
  const { reasons, errors } = ask(() => cedar.isAuthorized({ ...toWasm(evaluation), policies }));
  const [error] = errors;
  return error === undefined ? reasons.length > 0 : fail(error.message);
}

function ask(call: () => AuthorizationAnswer): CedarDecision {
  let answer: AuthorizationAnswer;
  try {
    answer = call();
  } catch (error) {
    // Malformed calls come back as exceptions.
    fail(error instanceof Error ? error.message : String(error));
  }
  if (answer.type === 'failure') fail(answer.errors.map(({ message }) => message).join('; '));
  const { decision, diagnostics } = answer.response;
  return {
    effect: decision === 'allow' ? 'permit' : 'deny',
    reasons: diagnostics.reason,
    errors: diagnostics.errors.map(({ policyId, error }) => ({ policy: policyId, message: error.message })),
  };
}

function toWasm(evaluation: Evaluation) {
  const entities = new Map([...evaluation.actions.values()].map((action) => [action.ref.uid, action]));
  for (const entity of evaluation.entities.values()) entities.set(entity.ref.uid, entity);
  return {
    principal: entityJson(evaluation.principal),
    action: entityJson(evaluation.action),
    resource: entityJson(evaluation.resource),
    context: recordJson(wholeContext(evaluation)),
    entities: Array.from(entities.values(), toEntityJson),
  };
}

const toEntityJson = ({ ref, attrs, parents }: Entity): EntityJson => ({
  uid: entityJson(ref),
  attrs: recordJson(attrs),
  parents: parents.map(entityJson),
});

const entityJson = ({ type, id }: EntityRef): TypeAndId => ({ type, id });

/** These keys mean something in Cedar's JSON, wherever they stand. */
const ESCAPES = new Set(['__entity', '__extn', '__expr']);

function recordJson(fields: CedarRecord): Record<string, CedarValueJson> {
  return Object.fromEntries(
    Array.from(fields, ([name, value]) => [
      ESCAPES.has(name) ? fail(`a record with the key ${name} cannot be given to cedar-wasm`) : name,
      valueJson(value),
    ]),
  );
}

function valueJson(value: CedarValue): CedarValueJson {
  if (typeof value === 'bigint') return fail(`${value} cannot be given to cedar-wasm: more than 53 bits`);
  if (typeof value !== 'object') return value;
  if (isRecord(value)) return recordJson(value);
  if (value.kind === 'entity') return { __entity: entityJson(value) };
  if (value.kind === 'set') return Array.from(setItems(value), valueJson);
  return extensionJson(value);
}

function extensionJson(value: ExtensionValue): CedarValueJson {
  switch (value.kind) {
    case 'decimal': {
      const digits = String(value.units < 0n ? -value.units : value.units).padStart(5, '0');
      const text = `${value.units < 0n ? '-' : ''}${digits.slice(0, -4)}.${digits.slice(-4)}`;
      return { __extn: { fn: 'decimal', arg: text } };
    }
    case 'duration':
      return { __extn: { fn: 'duration', arg: `${value.millis}ms` } };
    case 'datetime': {
      const since = { __extn: { fn: 'duration', arg: `${value.millis}ms` } };
      return { __extn: { fn: 'offset', args: [{ __extn: { fn: 'datetime', arg: '1970-01-01' } }, since] } };
    }
    case 'ipaddr':
      return { __extn: { fn: 'ip', arg: `${host(value.bits, value.address)}/${value.prefix}` } };
  }
}

function host(bits: 32 | 128, address: bigint): string {
  const [count, width, radix] = bits === 32 ? [4, 8n, 10] : [8, 16n, 16];
  const group = (at: number): string => ((address >> (BigInt(at) * width)) & ((1n << width) - 1n)).toString(radix);
  return Array.from({ length: count }, (_, at) => group(count - 1 - at)).join(bits === 32 ? '.' : ':');
}
