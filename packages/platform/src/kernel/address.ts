import { AipError } from '@aip/wire';

/** Everything that can be addressed. `tool:`, `resource:`, `prompt:` are `<server>/<name>`; `skill:` is `<agent>/<name>`. */
export type AddressKind = 'agent' | 'capability' | 'operation' | 'topic' | 'tool' | 'resource' | 'prompt' | 'skill';
export type Address = `${AddressKind}:${string}`;

const KINDS: ReadonlySet<string> = new Set<AddressKind>([
  'agent',
  'capability',
  'operation',
  'topic',
  'tool',
  'resource',
  'prompt',
  'skill',
]);

/** Splits an address at its first colon. Throws INVALID_ARGUMENT when it is none. */
export function parseAddress(text: string): { kind: AddressKind; name: string; address: Address } {
  const colon = text.indexOf(':');
  const kind = text.slice(0, colon);
  const name = text.slice(colon + 1);
  if (colon < 1 || !KINDS.has(kind) || name === '' || name.length > 512) {
    throw new AipError(
      'INVALID_ARGUMENT',
      `"${text.slice(0, 80)}" is not an address; expected agent:<did>, capability:<name>, tool:<server>/<name>, …`,
    );
  }
  return { kind: kind as AddressKind, name, address: text as Address };
}

/**
 * `<owner>/<name>` of tool:, resource:, prompt: and skill: addresses. Owners never contain a slash
 * (DIDs and server names do not), so the first one separates.
 */
export function splitOwned(name: string): { owner: string; name: string } {
  const slash = name.indexOf('/');
  return slash < 0 ? { owner: name, name: '' } : { owner: name.slice(0, slash), name: name.slice(slash + 1) };
}
