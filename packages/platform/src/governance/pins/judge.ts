import type { JsonObject } from '@aip/wire';
import { toolDigest } from '../../kernel/definition.ts';
import type { PinRow } from './decider.ts';
import { hiddenCharacters, visible } from './hidden.ts';
import { plainForm } from './look-alikes.ts';

export type FindingKind =
  /** It is not what was pinned. */
  | 'changed'
  /** Its definition holds characters that people do not see. */
  | 'hidden-characters'
  /** It is a pinned tool that has gone, under another name: policies that name it would not hold. */
  | 'renamed'
  /** Its name can be taken for that of another tool. */
  | 'look-alike'
  /** Its name differs from that of another tool in case or separators only; said, not held against it. */
  | 'near-name'
  /** It was suspicious when it was first seen, and nobody has agreed to it since. */
  | 'undecided'
  /** An operator has refused it. */
  | 'rejected'
  /** The server has shown more tools than are kept track of. */
  | 'too-many';

export interface Finding {
  readonly kind: FindingKind;
  readonly detail: string;
}

/** Whether a finding quarantines where pins are enforced. */
export const isGrave = ({ kind }: Finding): boolean => kind !== 'near-name';

/** What a judgement needs to know of the other tools. */
export interface Neighbours {
  /** Pinned tools of any server whose name looks like this one. */
  alike(tool: string): readonly { readonly server: string; readonly tool: string }[];
  /** A pinned tool of this server that it does not offer any more, of the same shape. */
  vanished(server: string, shape: string): string | undefined;
  /** Whether the server has shown as many tools as are kept track of. */
  full(server: string): boolean;
}

/** One tool as it is offered now. */
export interface Offered {
  readonly server: string;
  readonly tool: string;
  readonly definition: JsonObject;
  readonly digest: string;
  /** Digest of what it says but its name; undefined for a tool that says nothing about itself: many are alike in that. */
  readonly shape: string | undefined;
}

export function offeredTool(server: string, tool: string, definition: JsonObject): Offered {
  const { name: _, binding: _binding, ...rest } = definition;
  const says = typeof rest['description'] === 'string' && rest['description'] !== '';
  return { server, tool, definition, digest: toolDigest(definition), shape: says ? toolDigest(rest) : undefined };
}

/** What is decided about a tool, or has been seen of it. */
type Known = Pick<PinRow, 'digest' | 'quarantined' | 'rejected'>;

/** What there is to say about a tool, given what was decided about it before; nothing, if it is as it was pinned. */
export function judge(offered: Offered, row: Known | undefined, others: Neighbours): Finding[] {
  const { server, tool, digest } = offered;
  if (row?.rejected) return [{ kind: 'rejected', detail: `by ${row.rejected.by}` }];
  if (row?.digest === digest) return nearNames(offered, others);
  const findings: Finding[] = hiddenCharacters(offered.definition).map((detail) => ({
    kind: 'hidden-characters',
    detail,
  }));
  if (row?.digest !== undefined) return [{ kind: 'changed', detail: `pinned as ${row.digest}` }, ...findings];
  const former = offered.shape === undefined ? undefined : others.vanished(server, offered.shape);
  if (former !== undefined) findings.push({ kind: 'renamed', detail: `was ${visible(former)}` });
  for (const other of others.alike(tool))
    if (plainForm(other.tool) !== plainForm(tool))
      findings.push({ kind: 'look-alike', detail: `of ${other.server}/${visible(other.tool)}` });
  if (row && findings.length === 0)
    findings.push({ kind: 'undecided', detail: (row.quarantined?.findings ?? []).join(', ') });
  if (!row && others.full(server)) findings.push({ kind: 'too-many', detail: 'the server has shown too many tools' });
  return [...findings, ...nearNames(offered, others)];
}

/** Equal names on two servers are told apart by the server; these look as if they were one. */
const nearNames = ({ tool }: Offered, others: Neighbours): Finding[] =>
  others
    .alike(tool)
    .filter((other) => other.tool !== tool && plainForm(other.tool) === plainForm(tool))
    .map((other) => ({ kind: 'near-name', detail: `of ${other.server}/${visible(other.tool)}` }));
