import { AipError } from '@aip/wire';
import { describe, expect, it } from 'vitest';
import { validated } from './testing.ts';

/** Validates one condition of a policy on tool calls; the first problem, or undefined. */
async function problemOf(condition: string): Promise<string | undefined> {
  const text = `permit (principal is Agent, action == Action::"call", resource) when { ${condition} };`;
  const result = await validated(text).catch((thrown: unknown) => thrown);
  if (result instanceof AipError) return result.message;
  return undefined;
}

describe('arguments have the type that a policy uses them as', () => {
  it.each([
    'context.arguments has path && context.arguments.path like "/data/*"',
    'context.arguments has n && context.arguments.n < 100',
    'context.arguments has n && -context.arguments.n + 1 == 2',
    'context.arguments has price && context.arguments.price.lessThan(decimal("9.99"))',
    'context.arguments has dry && context.arguments.dry',
    'context.arguments has dry && !context.arguments.dry',
    'context.arguments has tags && context.arguments.tags.contains("public")',
    'context.arguments has tags && context.arguments.tags.containsAll([1, 2])',
    'context.arguments has tags && context.arguments.tags.isEmpty()',
    'context.arguments has to && ["a@example.org", "b@example.org"].contains(context.arguments.to)',
    'context.arguments has tenant && context.arguments.tenant == principal.tenant',
    'context.arguments has depth && context.arguments.depth == context.depth',
    'context.arguments has a.b && context.arguments.a.b == 1',
    'context.arguments has a && context.arguments has b && context.arguments.a == context.arguments.b',
    'context.arguments has n && (if context.arguments.n == 1 then true else false)',
    'context.arguments has "odd name" && context.arguments["odd name"] == "x"',
    'context.arguments has path',
  ])('%s', async (condition) => {
    expect(await problemOf(condition)).toBeUndefined();
  });

  it('so each policy may have its own', async () => {
    const texts = ['== 1', '== "all"', 'like "a*"'].map(
      (use) => `permit (principal, action, resource) when { context.arguments has x && context.arguments.x ${use} };`,
    );
    await expect(validated(texts.join('\n'))).resolves.toBeDefined();
  });

  it.each([
    ['an access without has', 'context.arguments.path like "/data/*"', 'unable to guarantee safety of access'],
    [
      'one argument as two types',
      'context.arguments has x && (context.arguments.x == 1 || context.arguments.x like "a")',
      'unexpected type',
    ],
    [
      'a misspelt attribute beside an argument',
      'context.arguments has tenant && context.arguments.tenant == principal.tenat',
      'did you mean',
    ],
    ['a misspelt attribute behind an argument', 'context.arguments has x && principal.nmae == "x"', '`nmae`'],
    [
      'an entity, which no argument can be',
      'context.arguments has x && context.arguments.x in Role::"a"',
      'unexpected',
    ],
  ])('but not %s', async (_, condition, problem) => {
    const text = `permit (principal is Agent, action == Action::"call", resource) when { ${condition} };`;
    const error = await validated(text).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AipError);
    expect(JSON.stringify((error as AipError).toJSON())).toContain(problem);
  });
});
