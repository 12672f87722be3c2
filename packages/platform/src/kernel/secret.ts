import { AipError } from '@aip/wire';
import { z } from 'zod';
import { DEFAULT_TENANT } from './principal.ts';
import { PLATFORM_OWNER, type Vault } from './vault.ts';

/** What a secret of the platform may be called. */
export const SECRET_NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/i;
export const SECRET_NAME_RULE = 'letters, digits, dot, dash and underscore, at most 63';

/** How every setting cites a secret: in the vault ("aip secret set"), or in a variable of the platform's environment. */
export const secretReference = z.union(
  [
    z.strictObject({ vault: z.string().regex(SECRET_NAME, SECRET_NAME_RULE) }),
    z.strictObject({ env: z.string().min(1).max(256) }),
  ],
  'a secret is { vault: <name> } or { env: <VARIABLE> }',
);
export type SecretReference = z.infer<typeof secretReference>;

/** Text with secrets in its middle, such as `Bearer {vault:token}`: what stands between them, and what is cited. */
export type CitingText = readonly (string | SecretReference)[];

/** A value that may stand in the settings, or cite what it holds: as a whole, or where `{vault:…}` and `{env:…}` are. */
export const secretOrText = z
  .union([z.string(), secretReference], 'text, or a secret: { vault: <name> } or { env: <VARIABLE> }')
  .superRefine((value, context) => {
    if (typeof value === 'string') for (const message of faultsIn(value)) context.addIssue(message);
  })
  .transform((value): SecretOrText => (typeof value === 'string' && citesSecrets(value) ? partsOf(value) : value));
export type SecretOrText = string | SecretReference | CitingText;

const CITATION = /\{\s*(vault|env)\s*:\s*([^{}]*?)\s*\}/g;
const CITATION_BEGUN = /\{\s*(?:vault|env)\s*:/;

/** Whether a text of the settings would be read as one that cites, rightly or wrongly. */
export const citesSecrets = (text: string): boolean => CITATION_BEGUN.test(text);

/** Nothing of the text is repeated: somebody may have written the secret itself there. */
function faultsIn(text: string): string[] {
  const isCited = (place: string, name: string): boolean => secretReference.safeParse({ [place]: name }).success;
  const faults: string[] = Array.from(text.matchAll(CITATION))
    .filter(([, place = '', name = '']) => !isCited(place, name))
    .map(([, place]) =>
      place === 'vault' ? `{vault:…} names no secret: ${SECRET_NAME_RULE}` : '{env:…} names no variable',
    );
  if (citesSecrets(text.replace(CITATION, ''))) faults.push('in text, a secret is {vault:<name>} or {env:<VARIABLE>}');
  if (/\$\{\s*(?:vault|env)\s*:/.test(text)) faults.push('in text, a secret is {env:<VARIABLE>}, without "$"');
  return faults;
}

function partsOf(text: string): CitingText {
  const parts: (string | SecretReference)[] = [];
  let read = 0;
  for (const { 0: citation, 1: place, 2: name = '', index } of text.matchAll(CITATION)) {
    parts.push(text.slice(read, index), place === 'vault' ? { vault: name } : { env: name });
    read = index + citation.length;
  }
  return [...parts, text.slice(read)].filter((part) => part !== '');
}

/** Throws CONFIG_INVALID, which names the reference and never the secret. Read anew each time, so that it can be changed. */
export type ReadSecret = (reference: SecretReference) => Promise<string>;

export type Environment = Readonly<Record<string, string | undefined>>;

export const secretReader =
  (vault: Vault, environment: Environment): ReadSecret =>
  async (reference) => {
    const secret =
      'vault' in reference
        ? await vault.read(DEFAULT_TENANT, PLATFORM_OWNER, reference.vault)
        : environment[reference.env];
    if (secret !== undefined && secret !== '') return secret;
    throw new AipError(
      'CONFIG_INVALID',
      'vault' in reference
        ? `The vault holds no secret "${reference.vault}"; "aip secret set ${reference.vault}" keeps one.`
        : `The variable ${reference.env} is not set in the platform's environment.`,
    );
  };

/** The value itself, or what it cites. Throws CONFIG_INVALID. */
export const textOfSecret = async (value: string | SecretReference, read: ReadSecret): Promise<string> =>
  typeof value === 'string' ? value : read(value);

/** Settings with what they cite, and what must not come back from whoever is told it. */
export interface Revealed {
  readonly values: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
}

/** Reads whatever the values cite. Throws CONFIG_INVALID. */
export async function reveal(
  values: Readonly<Record<string, SecretOrText>> | undefined,
  read: ReadSecret,
): Promise<Revealed> {
  const revealed: Record<string, string> = {};
  const secrets: string[] = [];
  for (const [name, value] of Object.entries(values ?? {})) {
    const parts = isCitingText(value) ? value : [value];
    const texts = await Promise.all(parts.map((part) => textOfSecret(part, read)));
    const text = texts.join('');
    // Whoever reports such a value would repeat it.
    if (text.includes('\0')) throw new AipError('CONFIG_INVALID', `The value of ${name} has a NUL character.`);
    revealed[name] = text;
    const cited = texts.filter((_, index) => typeof parts[index] !== 'string');
    if (cited.length > 0) secrets.push(text, ...cited.flatMap(tracesOf));
  }
  // One may be the beginning of another.
  return { values: revealed, secrets: [...new Set(secrets)].toSorted((a, b) => b.length - a.length) };
}

const isCitingText = (value: SecretOrText): value is CitingText => Array.isArray(value);

/** The same for headers of HTTP, which take one line of Latin-1. */
export async function revealHeaders(
  headers: Readonly<Record<string, SecretOrText>> | undefined,
  read: ReadSecret,
): Promise<Revealed> {
  const revealed = await reveal(headers, read);
  for (const [name, value] of Object.entries(revealed.values))
    if (!/^[\t -~\u0080-\u00ff]*$/.test(value))
      throw new AipError(
        'CONFIG_INVALID',
        `The value of the header ${name} has characters that no header takes, such as the end of a line.`,
      );
  return revealed;
}

/** Shorter ones would be found in words that have nothing to do with them. */
const SHORTEST = 6;

/** A secret as it may come back: whole, each of its lines, or without the scheme before it (`Bearer …`). */
function tracesOf(secret: string): string[] {
  const [, credentials] = /^[a-z]+ +(\S+)$/i.exec(secret) ?? [];
  return [secret, ...secret.split(/\r?\n/), ...(credentials === undefined ? [] : [credentials])];
}

/** What a text becomes where a secret stood in it: whoever was told it may repeat it. */
export const withoutSecrets = (text: string, secrets: readonly string[]): string =>
  secrets.reduce((rest, secret) => (secret.length < SHORTEST ? rest : rest.replaceAll(secret, '[secret]')), text);

/** The same for every text in a value, names of fields too; what holds no secret stays the very same object. */
export function valueWithoutSecrets<T>(value: T, secrets: readonly string[]): T;
export function valueWithoutSecrets(value: unknown, secrets: readonly string[]): unknown {
  if (secrets.length === 0) return value;
  if (typeof value === 'string') return withoutSecrets(value, secrets);
  if (typeof value !== 'object' || value === null) return value;
  let isChanged = false;
  const clean = (inner: unknown): unknown => {
    const cleaned = valueWithoutSecrets(inner, secrets);
    if (cleaned !== inner) isChanged = true;
    return cleaned;
  };
  const cleaned = Array.isArray(value)
    ? value.map(clean)
    : Object.fromEntries(Object.entries(value).map(([name, inner]) => [clean(name) as string, clean(inner)]));
  return isChanged ? cleaned : value;
}
