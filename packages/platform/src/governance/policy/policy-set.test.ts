import { claim } from '@aip/conformance';
import { AipError } from '@aip/wire';
import { describe, expect, it } from 'vitest';
import { compilePolicies } from './policy-set.ts';
import { act, ALICE, ask, CI, entityOf, READ_FILE, SCOUT, unvalidated, validated } from './testing.ts';
import type { PolicyProblem } from './types.ts';
import { entity } from './value.ts';

/** The problems that refuse a file, as `line:column message (hint)`. */
async function problemsOf(text: string): Promise<string[]> {
  const error: unknown = await validated(text).catch((thrown: unknown) => thrown);
  if (!(error instanceof AipError)) throw new Error('nothing was refused', { cause: error });
  expect(error.code).toBe('POLICY_INVALID');
  const problems = error.details?.['errors'] as unknown as PolicyProblem[];
  return problems.map(({ line, column, message, hint }) => `${line}:${column} ${message}${hint ? ` (${hint})` : ''}`);
}

describe('a decision', () => {
  it('denies what no policy permits, and says who may not do what', async () => {
    const set = await unvalidated('permit (principal, action == Action::"read", resource);');
    expect(set.decide(ask())).toEqual({
      effect: 'deny',
      message: 'No policy permits Agent::"did:key:scout" to call Tool::"files/read".',
      reasons: [],
      errors: [],
      obligations: [],
    });
  });

  it('permits what a policy permits, and cites it by file, line and annotations', async () => {
    const set = await unvalidated(
      '// first\n\n@id("scouts-read") @owner("team a")\npermit (principal, action, resource);',
    );
    expect(set.decide(ask())).toEqual({
      effect: 'permit',
      message: 'Permitted by policy "scouts-read" (test.cedar:3).',
      reasons: [
        { id: 'scouts-read', file: 'test.cedar', line: 3, annotations: { id: 'scouts-read', owner: 'team a' } },
      ],
      errors: [],
      obligations: [],
    });
  });

  it('lets a forbid override every permit', async () => {
    const set = await unvalidated(`
      permit (principal, action, resource);
      @id("no-files") forbid (principal, action, resource in Server::"files");`);
    const decision = set.decide(ask());
    expect(decision.effect).toBe('deny');
    expect(decision.message).toBe(
      'Policy "no-files" (test.cedar:3) forbids Agent::"did:key:scout" to call Tool::"files/read".',
    );
    expect(decision.reasons.map(({ id }) => id)).toEqual(['no-files']);
  });

  it('denies when any policy in question cannot be evaluated, and names it', async () => {
    const set = await unvalidated(`
      permit (principal, action, resource);
      @id("broken") permit (principal, action, resource) when { principal.nickname == "x" };`);
    const decision = set.decide(ask());
    expect(decision.effect).toBe('deny');
    expect(decision.message).toBe(
      'Denied because policy "broken" (test.cedar:3) failed: Agent::"did:key:scout" has no attribute "nickname".',
    );
    expect(decision.errors).toMatchObject([{ id: 'broken', line: 3 }]);
  });

  it('does not ask policies out of scope, so they cannot fail it', async () => {
    const set = await unvalidated(`
      permit (principal, action, resource);
      permit (principal is User, action, resource) when { principal.nickname == "x" };`);
    expect(set.decide(ask()).effect).toBe('permit');
  });

  it('names policies without an id after their file and their place in it', async () => {
    const files = ['a.cedar', 'b.cedar'].map((name) => ({
      name,
      text: 'permit (principal, action, resource); permit (principal, action, resource);',
    }));
    const set = await compilePolicies(files);
    expect(set.decide(ask()).reasons.map(({ id }) => id)).toEqual(['a.cedar:1', 'a.cedar:2', 'b.cedar:1', 'b.cedar:2']);
  });

  it('finds an action in the groups of the schema', async () => {
    const schema = `entity User, Tool;
      action use; action call in [use] appliesTo { principal: [User], resource: [Tool] };`;
    const text = 'permit (principal, action in [Action::"use", Action::"call"], resource);';
    const set = await compilePolicies([{ name: 'test.cedar', text }], schema);
    expect(set.decide(ask()).reasons).toHaveLength(1);
    expect(set.decide(ask({ action: act('read') })).effect).toBe('deny');
  });

  it('does not follow cycles for ever', async () => {
    const [a, b] = [entity('Group', 'a'), entity('Group', 'b')];
    const set = await unvalidated('permit (principal in Group::"b", action, resource);');
    const entities = [entityOf(SCOUT, {}, [a]), entityOf(a, {}, [b]), entityOf(b, {}, [a])];
    expect(set.decide(ask({ entities })).effect).toBe('permit');
  });
});

describe(`obligations ${claim('G-POLICY')}`, () => {
  const obligationsOf = async (text: string) => (await validated(text)).decide(ask()).obligations;

  it('come from all permits that apply and add up', async () => {
    const obligations = await obligationsOf(`
      @id("a") @approve("operators") @approve_expires("10m") permit (principal, action, resource);
      @id("b") @rate("10/m") @log("read a file") permit (principal is Agent, action, resource);
      @id("c") @redact("result.token, result.password") permit (principal, action, resource in Server::"files");
      @id("d") @approve("admins") permit (principal is User, action, resource);`);
    expect(obligations).toEqual([
      { kind: 'approve', policy: 'a', by: 'operators', expiresMs: 600_000 },
      { kind: 'log', policy: 'b', note: 'read a file' },
      { kind: 'rate', policy: 'b', limit: 10, windowMs: 60_000 },
      { kind: 'redact', policy: 'c', fields: ['result.token', 'result.password'] },
    ]);
  });

  it('are none where the request is denied', async () => {
    const text = '@approve("operators") permit (principal, action, resource); forbid (principal, action, resource);';
    expect(await obligationsOf(text)).toEqual([]);
  });

  it.each([
    ['@aprove("x")', '1:1 unknown annotation `@aprove` (did you mean `@approve`?)'],
    ['@approval("x")', '1:1 unknown annotation `@approval` (did you mean `@approve`?)'],
    ['@Rate("10/m")', '1:1 unknown annotation `@Rate` (did you mean `@rate`?)'],
    ['@id("x") @logs("x")', '1:10 unknown annotation `@logs` (did you mean `@log`?)'],
    ['@approve', '1:1 `@approve("")` cannot be understood (write it as `@approve("operators")`)'],
    [
      '@approve("x")\n @approve_expires("soon")',
      '2:2 `@approve_expires("soon")` cannot be understood (write it as `@approve_expires("10m")`)',
    ],
    [
      '@approve_expires("10m")',
      '1:1 `@approve_expires` stands without `@approve` (say who approves: `@approve("operators")`)',
    ],
    ['@rate("0/m")', '1:1 `@rate("0/m")` cannot be understood (write it as `@rate("10/m")`)'],
    ['@rate("10 per m")', '1:1 `@rate("10 per m")` cannot be understood (write it as `@rate("10/m")`)'],
    [
      '@redact("a,,b")',
      '1:1 `@redact("a,,b")` cannot be understood (write it as `@redact("result.token, result.password")`)',
    ],
  ])('that cannot be understood refuse the file: %s', async (annotations, problem) => {
    expect(await problemsOf(`${annotations} permit (principal, action, resource);`)).toEqual([problem]);
  });

  it('have no meaning on a forbid', async () => {
    expect(await problemsOf('@approve("x") forbid (principal, action, resource);')).toEqual([
      '1:1 `@approve` has no meaning on a forbid (put it on a permit)',
    ]);
  });

  it('leave other annotations alone', async () => {
    expect(await obligationsOf('@owner("a") @description("b") permit (principal, action, resource);')).toEqual([]);
  });
});

describe('a policy file with errors is refused, with every error in its place', () => {
  it('of syntax', async () => {
    const text = `// é; "
permit (principal, action, resource) when { "é" = context.protocol };
permit (principal, action, resource);
permit (principal == ?principal, action, resource);
permit (principal, action, resource) wen { true };
permit (principal, action, resource) when { contxt.depth == 1 };
permit (principal, action, resource)`;
    expect(await problemsOf(text)).toEqual([
      "2:45 '=' is not a valid operator in Cedar (try using '==' instead)",
      '4:22 expected a static policy, got a template containing the slot ?principal (try removing the template slot(s) from this policy)',
      '5:38 invalid policy condition: wen (condition must be either `when` or `unless`)',
      '6:45 invalid member access `contxt.depth`, `contxt` has no fields or methods',
      '7:37 unexpected end of input: expected `;` or identifier',
    ]);
  });

  it('of names and types', async () => {
    const text = `
permit (principal is Agnt, action == Action::"cal", resource);
permit (principal, action, resource)
when {
  "é" == principal.nmae && context.depth == "1" &&
  context.protocl == "mcp"
};
permit (principal, action, resource) when { context.approved };`;
    expect(await problemsOf(text)).toEqual([
      '2:22 unrecognized entity type `Agnt` (did you mean `Agent`?)',
      '2:38 unrecognized action `Action::"cal"` (did you mean `Action::"call"`?)',
      expect.stringMatching(/^5:10 attribute `nmae` on entity type `\w+` not found \(did you mean `name`\?\)$/),
      '5:28 the types Long and String are not compatible (both operands to a `==` expression must have compatible types. Types must be exactly equal to be compatible)',
      expect.stringMatching(/^6:3 attribute `protocl` in context for .* not found \(did you mean `protocol`\?\)$/),
      expect.stringMatching(
        /^8:45 unable to guarantee safety of access to optional attribute `approved` .* \(try testing .*\)$/,
      ),
    ]);
  });

  it('of ids that stand twice', async () => {
    const text = '@id("a") permit (principal, action, resource);\n@id("a") forbid (principal, action, resource);';
    expect(await problemsOf(text)).toEqual([
      '2:1 the id "a" is already that of policy "a" (test.cedar:1) (give each policy an id of its own)',
    ]);
  });

  it('of strings that do not end', async () => {
    expect(await problemsOf('permit (principal, action, resource) when { "abc };\npermit (principal')).toEqual([
      '1:45 invalid token (try checking that all strings are closed properly)',
    ]);
  });

  it('in the order of the files', async () => {
    const files = ['b.cedar', 'a.cedar'].map((name) => ({ name, text: '\nperm' }));
    const error = await compilePolicies(files).catch((thrown: unknown) => thrown as AipError);
    expect((error as AipError).message).toContain('b.cedar:2:');
    expect((error as AipError).message).toContain('(and 1 more)');
  });
});

describe('a policy that can never apply', () => {
  it('is a warning', async () => {
    const set = await validated('\npermit (principal, action == Action::"read", resource is Tool);');
    expect(set.warnings.map(({ line, message }) => `${line} ${message}`)).toContainEqual(
      '2 unable to find an applicable action given the policy scope constraints',
    );
  });
});

describe('the index finds what is in scope, whatever the others', () => {
  it('by principal, its groups and its type; by action; by resource, its owner and its type', async () => {
    const scopes = [
      '(principal, action, resource)',
      '(principal == Service::"service:ci", action, resource)',
      '(principal in Role::"caller", action in [Action::"read", Action::"call", Action::"call"], resource)',
      '(principal is Service, action == Action::"call", resource is Tool in Server::"files")',
      '(principal is User in Role::"caller", action, resource)',
      '(principal, action in Action::"call", resource == Tool::"files/read")',
      '(principal, action, resource is Resource)',
      '(principal == User::"user:alice", action, resource)',
      '(principal, action in [], resource)',
    ];
    const set = await unvalidated(scopes.map((scope) => `permit ${scope};`).join('\n'));
    const lines = (principal: typeof CI): number[] =>
      set.decide(ask({ principal, resource: READ_FILE })).reasons.map(({ line }) => line);
    expect(lines(CI)).toEqual([1, 2, 3, 4, 6]);
    expect(lines(ALICE)).toEqual([1, 6, 8]);
    expect(lines(SCOUT)).toEqual([1, 6]);
  });
});
