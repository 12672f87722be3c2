import { describe, expect, it } from 'vitest';
import { openShadow } from './shadow.ts';
import { act, ask, entityOf, READ_FILE, SCOUT, unvalidated } from './testing.ts';
import type { Entity, PolicyRequest } from './types.ts';
import type { CedarValue } from './value.ts';
import { entity, record, setOf } from './value.ts';

type Answer = 'true' | 'false' | 'error';

/** What a condition is, by closures and by cedar-wasm, which must agree. */
async function conditionIs(condition: string, request: PolicyRequest): Promise<{ answer: Answer; native: boolean }> {
  const set = await unvalidated(`permit (principal, action, resource) when { ${condition} };`);
  using shadow = openShadow(set);
  const { closures, cedar } = shadow.compare(request);
  const answer = (decision: typeof cedar): Answer =>
    decision.errors.length > 0 ? 'error' : decision.effect === 'permit' ? 'true' : 'false';
  expect(answer(closures), `closures and cedar-wasm about ${condition}`).toBe(answer(cedar));
  return { answer: answer(cedar), native: set.policies[0]?.native === true };
}

const PARENT = entity('Agent', 'parent');
const GRANDPARENT = entity('Group', 'grandparent');
const family: Entity[] = [
  entityOf(SCOUT, { name: 'scout', level: 3, tags: setOf(['a', 'b']), home: record({ city: 'Oslo' }) }, [PARENT]),
  entityOf(PARENT, { name: 'parent' }, [GRANDPARENT]),
  entityOf(act('call'), {}, [act('use')]),
];
const context: Record<string, CedarValue> = {
  big: 9_007_199_254_740_991,
  names: setOf(['x', 'y']),
  nested: record({ a: record({ b: 1 }) }),
  'two words': true,
};

function table(name: string, rows: readonly (readonly [condition: string, answer: Answer])[]): void {
  describe(name, () => {
    it.each(rows)('%s is %s', async (condition, answer) => {
      const { answer: got, native } = await conditionIs(condition, ask({ context, entities: family }));
      expect(got).toBe(answer);
      expect(native).toBe(true);
    });
  });
}

table('logic', [
  ['true', 'true'],
  ['!true', 'false'],
  ['!1', 'error'],
  ['false && 1 == "evaluated no further"', 'false'],
  ['false && 1', 'false'],
  ['true && 1', 'error'],
  ['1 && true', 'error'],
  ['true && true && false && 1', 'false'],
  ['true || 1', 'true'],
  ['false || 1', 'error'],
  ['1 || true', 'error'],
  ['(if true then 1 else 1 + "a") == 1', 'true'],
  ['(if false then 1 + "a" else 2) == 2', 'true'],
  ['if 1 then true else true', 'error'],
  ['1', 'error'],
]);

table('equality', [
  ['1 == 1', 'true'],
  ['1 == "1"', 'false'],
  ['1 != "1"', 'true'],
  ['"a" == "a"', 'true'],
  ['[1, 1, 2] == [2, 1]', 'true'],
  ['[1] == [1, 2]', 'false'],
  ['[[1, 2], ["a"]] == [["a"], [2, 1]]', 'true'],
  ['{a: 1, b: [2]} == {b: [2], a: 1}', 'true'],
  ['{a: 1} == {a: 1, b: 2}', 'false'],
  ['{a: 1} == {b: 1}', 'false'],
  ['principal == Agent::"did:key:scout"', 'true'],
  ['principal == User::"did:key:scout"', 'false'],
  ['{type: "Agent", id: "did:key:scout"} == principal', 'false'],
  ['[principal] == [Agent::"did:key:scout"]', 'true'],
  ['decimal("1.50") == decimal("1.5")', 'true'],
  ['decimal("1.0") == 1', 'false'],
]);

table('integers of 64 bits', [
  ['1 + 2 - 4 == -1', 'true'],
  ['-context.big == -9007199254740991', 'true'],
  ['context.big + 2 == context.big + 1 + 1', 'true'],
  ['context.big + 2 == context.big + 1', 'false'],
  ['context.big + 2 > context.big + 1', 'true'],
  ['context.big + 1 - 1 == context.big', 'true'],
  ['context.big * 1024 > context.big', 'true'],
  ['context.big * 1025 > context.big', 'error'],
  ['-(context.big * -1024) > 0', 'true'],
  ['context.big * 1024 + 1023 > 0', 'true'],
  ['context.big * 1024 + 1024 > 0', 'error'],
  ['-(context.big * -1024 - 1024) > 0', 'error'],
  ['[context.big + 1].contains(context.big + 1)', 'true'],
  ['1 + "a" == 2', 'error'],
  ['-"a" == 1', 'error'],
]);

table('order', [
  ['1 < 2', 'true'],
  ['2 <= 2', 'true'],
  ['2 > 2', 'false'],
  ['3 >= 2', 'true'],
  ['"a" < "b"', 'error'],
  ['1 < "b"', 'error'],
  ['true < false', 'error'],
  ['decimal("1.0") < decimal("2.0")', 'error'],
  ['datetime("2024-01-01") < datetime("2024-01-02")', 'true'],
  ['duration("1d") <= duration("24h")', 'true'],
  ['duration("1d") < datetime("2024-01-01")', 'error'],
  ['1 < duration("1d")', 'error'],
]);

table('hierarchy', [
  ['principal in principal', 'true'],
  ['principal in Agent::"parent"', 'true'],
  ['principal in Group::"grandparent"', 'true'],
  ['Group::"grandparent" in principal', 'false'],
  ['principal in Group::"unknown"', 'false'],
  ['User::"unknown" in User::"unknown"', 'true'],
  ['principal in [Group::"a", Group::"grandparent"]', 'true'],
  ['principal in []', 'false'],
  ['principal in [principal, 1]', 'error'],
  ['principal in [principal, Group::"grandparent"]', 'true'],
  ['principal in 1', 'error'],
  ['1 in principal', 'error'],
  ['resource in Server::"files"', 'true'],
  ['action in Action::"use"', 'true'],
  ['principal is Agent', 'true'],
  ['principal is User', 'false'],
  ['1 is User', 'error'],
  ['principal is Agent in Group::"grandparent"', 'true'],
  ['principal is Agent in [Group::"a"]', 'false'],
  ['principal is User in 1', 'false'],
  ['principal is Agent in 1', 'error'],
]);

table('sets', [
  ['["a", "b"].contains("a")', 'true'],
  ['["1"].contains(1)', 'false'],
  ['[[1, 2]].contains([2, 1, 1])', 'true'],
  ['[{a: 1}].contains({a: 1})', 'true'],
  ['[principal].contains(principal)', 'true'],
  ['"a".contains("a")', 'error'],
  ['[1, 2, [3]].containsAll([[3], 1])', 'true'],
  ['[1].containsAll([1, 2])', 'false'],
  ['[].containsAll([])', 'true'],
  ['[1].containsAll(1)', 'error'],
  ['[1, 2].containsAny([2, 3])', 'true'],
  ['[[1]].containsAny([[1]])', 'true'],
  ['[1].containsAny([])', 'false'],
  ['1.containsAny([])', 'error'],
  ['[].isEmpty()', 'true'],
  ['context.names.isEmpty()', 'false'],
  ['"".isEmpty()', 'error'],
  ['[1 + "a"].isEmpty()', 'error'],
]);

table('like', [
  ['"/data/x.txt" like "/data/*"', 'true'],
  ['"/date/x.txt" like "/data/*"', 'false'],
  ['"abc" like "abc"', 'true'],
  ['"abcd" like "abc"', 'false'],
  ['"" like "*"', 'true'],
  ['"" like ""', 'true'],
  ['"a*b" like "a\\*b"', 'true'],
  ['"axb" like "a\\*b"', 'false'],
  ['"aXbXc" like "a*b*c"', 'true'],
  ['"ab" like "ab*b"', 'false'],
  ['"aba" like "ab*ba"', 'false'],
  ['"abba" like "ab*ba"', 'true'],
  ['"xay" like "*a*"', 'true'],
  ['"x" like "?"', 'false'],
  ['"😀x" like "😀*"', 'true'],
  ['1 like "1"', 'error'],
]);

table('attributes', [
  ['principal.name == "scout"', 'true'],
  ['principal["name"] == "scout"', 'true'],
  ['principal.home.city == "Oslo"', 'true'],
  ['principal.nothing == 1', 'error'],
  ['Agent::"unknown".name == "x"', 'error'],
  ['Agent::"parent".name == "parent"', 'true'],
  ['"text".name == 1', 'error'],
  ['{a: 1}.a == 1', 'true'],
  ['{a: 1}.b == 1', 'error'],
  ['{"__proto__": 1}.constructor == 1', 'error'],
  ['context.nested.a.b == 1', 'true'],
  ['context["two words"]', 'true'],
  ['context.nothing == 1', 'error'],
  ['context == context', 'true'],
  ['principal has name', 'true'],
  ['principal has nothing', 'false'],
  ['Agent::"unknown" has name', 'false'],
  ['principal has home.city', 'true'],
  ['principal has home.street', 'false'],
  ['principal has nothing.street', 'false'],
  ['principal has name.first', 'error'],
  ['context has nested.a.b', 'true'],
  ['context has nested.a.c', 'false'],
  ['context has "two words"', 'true'],
  ['context has toString', 'false'],
  ['1 has a', 'error'],
  ['{a: {b: 1}} has a.b', 'true'],
]);

table('records and sets of what is worked out', [
  ['{a: 1 + 1}.a == 2', 'true'],
  ['{a: 1 + "x"} == {a: 1}', 'error'],
  ['{a: principal}.a.name == "scout"', 'true'],
  ['[principal.level].contains(3)', 'true'],
  ['principal.tags.containsAll(["a"])', 'true'],
]);

describe('what closures do not cover goes to cedar-wasm', () => {
  it.each([
    ['9223372036854775807 - 9223372036854775806 == 1', 'true'],
    ['9223372036854775807 + 1 == 0', 'error'],
    ['9007199254740993 == 9007199254740992', 'false'],
    ['principal.hasTag("x")', 'false'],
    ['principal.getTag("x") == 1', 'error'],
  ] as const)('%s is %s', async (condition, answer) => {
    expect(await conditionIs(condition, ask())).toEqual({ answer, native: false });
  });

  it('in its scope only, and beside closures', async () => {
    const set = await unvalidated(`
      @id("wasm") forbid (principal, action, resource == Tool::"files/read") when { principal.hasTag("x") == false };
      @id("closure") permit (principal, action, resource);`);
    expect(set.decide(ask()).reasons.map(({ id }) => id)).toEqual(['wasm']);
    expect(set.decide(ask({ resource: entity('Tool', 'files/other') })).effect).toBe('permit');
    expect(set.policies.map(({ native }) => native)).toEqual([false, true]);
    expect(READ_FILE.uid).toBe('Tool::"files/read"');
  });
});
