import { describe, expect, it } from 'vitest';
import { reveal, revealHeaders, secretOrText, secretReader, valueWithoutSecrets, withoutSecrets } from './secret.ts';
import { memoryVault } from './testing.ts';

const vault = memoryVault();
await vault.write('default', 'platform', 'key', 'hush-hush');
await vault.write('default', 'platform', 'bearer', 'Bearer abcdef-123');
await vault.write('default', 'platform', 'pem', '-----BEGIN KEY-----\nc2VjcmV0\n-----END KEY-----');
const read = secretReader(vault, { TOKEN: 'from outside', EMPTY: '' });

describe('a secret that settings cite', () => {
  it('is read from the vault or the environment, beside what stands there in clear', async () => {
    const { values, secrets } = await reveal({ A: 'plain', B: { vault: 'key' }, C: { env: 'TOKEN' } }, read);
    expect(values).toEqual({ A: 'plain', B: 'hush-hush', C: 'from outside' });
    expect(secrets).not.toContain('plain');
    expect(await reveal(undefined, read)).toEqual({ values: {}, secrets: [] });
  });

  it('may stand in the middle of a text', async () => {
    const texts = ['Bearer {vault:key}', '{ env: TOKEN }', 'a{vault:key}:{env:TOKEN}b', '{}'];
    const { values, secrets } = await reveal(
      Object.fromEntries(texts.map((text) => [text, secretOrText.parse(text)])),
      read,
    );
    expect(Object.values(values)).toEqual(['Bearer hush-hush', 'from outside', 'ahush-hush:from outsideb', '{}']);
    // What is cited, and what has been made of it; nothing that stands in the settings in clear.
    expect(withoutSecrets('got hush-hush, not "Bearer hush-hush"; ahush-hush:from outsideb, Bearer', secrets)).toBe(
      'got [secret], not "[secret]"; [secret], Bearer',
    );
    await expect(reveal({ A: secretOrText.parse('Bearer {vault:none}') }, read)).rejects.toThrow(
      'The vault holds no secret "none"',
    );
  });

  it('that is short is hidden where it is a part of more', async () => {
    await vault.write('default', 'platform', 'short', 'abc');
    const { secrets } = await reveal({ A: secretOrText.parse('Bearer {vault:short}') }, read);
    expect(withoutSecrets('Bearer abc is not abc', secrets)).toBe('[secret] is not abc');
  });

  it('that begins like another does not leave its end behind', async () => {
    await vault.write('default', 'platform', 'longer', 'hush-hush, little one');
    const { secrets } = await reveal({ A: { vault: 'key' }, B: { vault: 'longer' } }, read);
    expect(withoutSecrets('hush-hush, little one', secrets)).toBe('[secret]');
  });

  it.each([
    ['Bearer {vault:no such name}', '{vault:…} names no secret: letters'],
    ['{env:}', '{env:…} names no variable'],
    ['Bearer {vault:key', 'in text, a secret is {vault:<name>} or {env:<VARIABLE>}'],
    ['Bearer ${env:TOKEN}', 'without "$"'],
  ])('in a text that says it wrongly is refused: %s', (text, message) => {
    const { error } = secretOrText.safeParse(text);
    expect(error?.issues.map((issue) => issue.message).join()).toContain(message);
  });

  it('is cited by text of the settings only, not by any text', async () => {
    expect(await reveal({ A: 'Bearer {vault:key}' }, read)).toEqual({
      values: { A: 'Bearer {vault:key}' },
      secrets: [],
    });
  });

  it('is missing by name, with what to do about it', async () => {
    await expect(reveal({ A: { vault: 'none' } }, read)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: 'The vault holds no secret "none"; "aip secret set none" keeps one.',
    });
    for (const env of ['EMPTY', 'NONE'])
      await expect(reveal({ A: { env } }, read)).rejects.toThrow(`The variable ${env} is not set`);
  });

  it('does not go where it cannot stand, and is not repeated in saying so', async () => {
    const refused = async (secret: string): Promise<string> => {
      await vault.write('default', 'platform', 'odd', secret);
      return revealHeaders({ 'X-Key': { vault: 'odd' } }, read).then(
        ({ values }) => `taken: ${values['X-Key']}`,
        (error: Error) => error.message,
      );
    };
    for (const secret of ['two\nlines', 'nul\0', 'smile ☺']) {
      const message = await refused(secret);
      expect(message).toMatch(/^The value of (?:the header )?X-Key has /);
      expect(message).not.toContain(secret);
    }
    expect(await refused('grüezi, ~\t!')).toBe('taken: grüezi, ~\t!');
    expect((await reveal({ PEM: { vault: 'pem' } }, read)).values['PEM']).toContain('\n');
  });

  it('does not come back: not whole, not a line of it, not without its scheme', async () => {
    const { secrets } = await reveal({ a: { vault: 'key' }, b: { vault: 'bearer' }, c: { vault: 'pem' } }, read);
    expect(withoutSecrets('hush-hush, abcdef-123 and c2VjcmV0; a Bearer is none', secrets)).toBe(
      '[secret], [secret] and [secret]; a Bearer is none',
    );
    const said = { texts: [{ 'of hush-hush': 'x' }, 'hush-hush'], n: 1, none: null };
    expect(valueWithoutSecrets(said, secrets)).toEqual({
      texts: [{ 'of [secret]': 'x' }, '[secret]'],
      n: 1,
      none: null,
    });
    const harmless = { a: [{ b: 'c' }] };
    expect(valueWithoutSecrets(harmless, secrets)).toBe(harmless);
    expect(valueWithoutSecrets(harmless, [])).toBe(harmless);
  });

  it('that is very short would be found in every word, and is left there', () => {
    expect(withoutSecrets('a secret', ['a', ''])).toBe('a secret');
  });
});
