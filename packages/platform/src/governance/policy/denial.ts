import type { CompiledPolicy } from './compile.ts';
import type { Decision, PolicyRequest } from './types.ts';
import { quote, showEntity, type EntityRef } from './value.ts';

/** One sentence on why a request is denied, and the command that permits it where one does. */
export function denial(
  forbid: CompiledPolicy | undefined,
  failure: { readonly policy: CompiledPolicy; readonly message: string } | undefined,
  request: PolicyRequest,
): string {
  const { principal, action, resource, names } = request;
  const what = `${shown(principal, names?.principal)} to ${action.id} ${shown(resource, names?.resource)}`;
  if (forbid !== undefined) return `Policy ${forbid.citation.replace(/^policy /, '')} forbids ${what}.`;
  if (failure !== undefined) return `Denied because ${failure.policy.citation} failed: ${failure.message}.`;
  return `No policy permits ${what}.${names?.connect === undefined ? '' : ` "${names.connect}" permits it.`}`;
}

/** The denial of one on whose behalf the sender acts: a sender who is permitted would otherwise look for it in itself. */
export const denialOnBehalf = ({ principal, names }: PolicyRequest, denied: Decision): Decision => ({
  ...denied,
  message: `This would be done on behalf of ${names === undefined ? showEntity(principal) : plain(names.principal)}, who has to be permitted it as well. ${denied.message}`,
});

/** What people call it, beside its id as policies write it. */
const shown = (ref: EntityRef, name: string | undefined): string =>
  name === undefined || name === ref.id ? showEntity(ref) : `${plain(name)} (${showEntity(ref)})`;

/** Agents name their skills themselves. */
const plain = (name: string): string => quote(name).slice(1, -1);
