import { AipError, type JsonObject } from '@aip/wire';
import { z } from 'zod';
import type { Address } from '../../kernel/address.ts';
import type { Body } from '../../kernel/body.ts';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import type { EdgeName } from '../../kernel/message.ts';
import { nearest } from '../../kernel/nearest.ts';
import { operation, type Operation } from '../../kernel/operation.ts';
import { ANONYMOUS, type Principal } from '../../kernel/principal.ts';
import { parseCases, runCases } from './case-table.ts';
import { CONNECTABLE, connectionId, connectionPolicy, CONNECTIONS_FILE, USUAL_PROTOCOL } from './connection.ts';
import { explainAll } from './decision.ts';
import type { PolicyFolder } from './folder.ts';
import { unknownIds } from './known-ids.ts';
import { compilePolicies, type PolicySet } from './policy-set.ts';
import { questions } from './question.ts';
import type { PolicyProblem } from './types.ts';
import { caseResultSchema, explanationSchema, policySchema, problemSchema } from './views.ts';

export interface PolicyFacts {
  resolve(address: Address): CatalogueEntry;
  /** What a call with these arguments means, as the exchange would take it. */
  meant(
    address: Address,
    given: JsonObject,
  ): { readonly target: CatalogueEntry; readonly skills: readonly CatalogueEntry[]; readonly body: Body };
  /** The principal of that id or agent name, as it would be authenticated; `agent:` before it is allowed. */
  principal(id: string): Principal | undefined;
  /** Names of agents, and ids of everybody else who is known. */
  names(): readonly string[];
}

const questionInput = z.object({
  principal: z.string().min(1).max(256),
  to: z.string().min(1).max(512),
  /** Unless given: that of the connection between two agents, or what agents speak; else http. */
  protocol: z.string().max(16).optional(),
  arguments: z.record(z.string(), z.any()).default({}),
});

/** Policies: looked at, checked, explained, tested, connected. */
export function policyOperations(folder: () => PolicyFolder, facts: PolicyFacts): Operation[] {
  function inForce(): PolicySet {
    const { set, error } = folder();
    if (!set) throw error ?? new AipError('POLICY_INVALID', 'No policy is loaded.');
    return set;
  }

  function requestsOf(input: z.infer<typeof questionInput>) {
    const meant = facts.meant(input.to as Address, input.arguments);
    const principal = facts.principal(input.principal) ?? elsewhere(input.principal);
    if (!principal) throw unknown(input.principal);
    const protocol = input.protocol ?? protocolBetween(principal, meant.target);
    return questions({ ...meant, principal, protocol: protocol as EdgeName });
  }

  function protocolBetween({ id, kind }: Principal, target: CatalogueEntry): EdgeName {
    if (kind !== 'agent' || (target.kind !== 'agent' && target.kind !== 'skill')) return 'http';
    const isConnected = (protocol: string): boolean =>
      inForce().policies.some(({ reason }) => reason.id === connectionId({ from: id, to: target.owner, protocol }));
    return CONNECTABLE.find(isConnected) ?? USUAL_PROTOCOL;
  }

  function unknown(id: string): AipError {
    const meant = nearestPrincipal(id, facts.names());
    const hint = meant === undefined ? '' : ` Did you mean ${meant}?`;
    const what = id.startsWith('agent:')
      ? `There is no agent named "${id.slice(6, 70)}"; "aip agent list" shows those there are.`
      : id.startsWith('service:')
        ? `There is no token named "${id.slice(8, 72)}"; "aip token list" shows those there are.`
        : `Nobody is called "${id.slice(0, 64)}" here; "aip agent list" and "aip token list" show who is known.`;
    return new AipError('NOT_FOUND', `${what}${hint}`);
  }

  const principals = {
    find: (name: string) => facts.principal(name),
    nearest: (name: string) => nearestPrincipal(name, facts.names()),
    mayBeElsewhere: (id: string) => elsewhere(id) !== undefined,
  };

  return [
    operation({
      name: 'policies.list',
      summary: 'The policies in force, and what is wrong with the files if they are not.',
      effect: 'read',
      plane: 'control',
      input: z.object({}),
      output: z.object({
        files: z.array(z.object({ name: z.string(), text: z.string() })),
        policies: z.array(policySchema),
        error: z.looseObject({ code: z.string(), message: z.string(), retryable: z.boolean() }).optional(),
      }),
      handler() {
        const { set, error } = folder();
        const policies = (set?.policies ?? []).map(({ reason, effect }) => ({
          id: reason.id,
          effect,
          file: reason.file,
          line: reason.line,
          annotations: { ...reason.annotations },
        }));
        return { output: { files: folder().files(), policies, ...(error ? { error: error.toJSON() } : {}) } };
      },
    }),
    operation({
      name: 'policies.check',
      summary: 'Validates the policy files on disk, or the ones given, without putting them in force.',
      effect: 'read',
      plane: 'control',
      input: z.object({
        files: z
          .array(z.object({ name: z.string().max(128), text: z.string().max(1_000_000) }))
          .max(100)
          .optional(),
      }),
      output: z.object({
        valid: z.boolean(),
        policies: z.number(),
        warnings: z.array(problemSchema),
        errors: z.array(problemSchema),
      }),
      async handler(_call, { files }) {
        try {
          const checked = files ?? folder().files();
          const set = await compilePolicies(checked);
          const warnings = [...set.warnings, ...unknownIds(set, checked, principals)];
          return { output: { valid: true, policies: set.policies.length, warnings, errors: [] } };
        } catch (error) {
          if (!(error instanceof AipError) || error.code !== 'POLICY_INVALID') throw error;
          return {
            output: {
              valid: false,
              policies: 0,
              warnings: [],
              errors: (error.details?.['errors'] ?? []) as unknown as PolicyProblem[],
            },
          };
        }
      },
    }),
    operation({
      name: 'policies.put',
      summary: 'Writes one policy file, if all policies are valid with it; it is in force at once.',
      effect: 'write',
      plane: 'control',
      input: z.object({ name: z.string().max(128), text: z.string().max(1_000_000) }),
      output: z.object({ name: z.string(), policies: z.number() }),
      async handler({ principal }, { name, text }) {
        await folder().put(name, text);
        return {
          output: { name, policies: inForce().policies.length },
          entries: [{ kind: 'policy.put', head: { name, by: principal.id }, body: JSON.stringify(text) }],
        };
      },
    }),
    operation({
      name: 'policies.explain',
      summary: 'Why a call would be permitted or denied, and what would permit it.',
      effect: 'read',
      plane: 'control',
      input: questionInput,
      output: explanationSchema,
      handler: (_call, input) => ({
        output: explainAll(inForce(), requestsOf(input)) as z.infer<typeof explanationSchema>,
      }),
    }),
    operation({
      name: 'policies.test',
      summary: 'Decides a YAML table of cases and compares with what their author expects.',
      effect: 'read',
      plane: 'control',
      input: z.object({ cases: z.string().max(1_000_000) }),
      output: z.object({ passed: z.number(), failed: z.number(), results: z.array(caseResultSchema) }),
      handler(_call, { cases }) {
        const results = runCases(inForce(), parseCases(cases));
        const passed = results.filter((result) => result.passed).length;
        return {
          output: {
            passed,
            failed: results.length - passed,
            results: results as z.infer<typeof caseResultSchema>[],
          },
        };
      },
    }),
    operation({
      name: 'policies.connect',
      summary: 'Permits one agent to reach another over one protocol.',
      effect: 'write',
      plane: 'control',
      input: z.object({
        from: z.string().max(256),
        to: z.string().max(256),
        protocol: z.enum(CONNECTABLE),
      }),
      output: z.object({ from: z.string(), to: z.string(), protocol: z.string(), policy: z.string() }),
      async handler({ principal }, input) {
        const connection = {
          from: facts.resolve(`agent:${input.from}`).owner,
          to: facts.resolve(`agent:${input.to}`).owner,
          protocol: input.protocol,
        };
        if (connection.from === connection.to)
          throw new AipError('INVALID_ARGUMENT', `${input.from} and ${input.to} are one agent; name two.`);
        const id = connectionId(connection);
        await folder().put(CONNECTIONS_FILE, (current) => {
          const known = inForce().policies.some((policy) => policy.reason.id === id);
          return known ? current : `${current}${current === '' ? '' : '\n'}${connectionPolicy(connection)}`;
        });
        return {
          output: { ...connection, policy: id },
          entries: [{ kind: 'policy.connect', head: { ...connection, by: principal.id } }],
        };
      },
    }),
  ];
}

/** Strangers, and those whom only an issuer elsewhere or their own key makes known. */
function elsewhere(name: string): Principal | undefined {
  const id = name.replace(/^agent:(?=did:)/, '');
  if (id === ANONYMOUS.id) return ANONYMOUS;
  if (id.startsWith('did:')) return { ...ANONYMOUS, id, name: id, kind: 'agent', assurance: 'signature' };
  // `<issuer>:<subject>`; its roles are in the access token that it brings.
  return /^user:.+:/.test(id) ? { ...ANONYMOUS, id, name: id, kind: 'user', assurance: 'token' } : undefined;
}

/** Who was probably meant; whoever forgets to say what kind of caller it is means one all the same. */
function nearestPrincipal(id: string, known: readonly string[]): string | undefined {
  const bare = (name: string): string => name.replace(/^(?:agent|service|user):/, '');
  const meant = nearest(bare(id), known.map(bare));
  return known.find((name) => bare(name) === meant);
}
