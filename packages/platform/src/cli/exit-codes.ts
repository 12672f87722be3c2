import { UnreachableError } from '@aip/sdk';
import { AipError, toAipError } from '@aip/wire';

/** What the command's exit code says. */
export const EXIT = {
  ok: 0,
  /** It was tried and did not work out. */
  failed: 1,
  /** The command line or the configuration is wrong. */
  usage: 2,
  /** No platform answers. */
  unreachable: 3,
  /** The platform does not permit it: policy, budget, kill, or who asks. */
  denied: 4,
  /** What was to be verified is not as it should be: audit, policy cases, doctor. */
  unverified: 5,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Nothing runs on the data folder that was given. */
export class IdleFolderError extends AipError {
  constructor(folder: string) {
    super('AGENT_UNAVAILABLE', `No platform runs on ${folder}; "aip up --data-dir ${folder}" starts one.`);
  }
}

/** Codes of refusals that stand until somebody acts. */
const DENIED = new Set([
  'UNAUTHENTICATED',
  'PERMISSION_DENIED',
  'NOT_ADMITTED',
  'INSUFFICIENT_TRUST',
  'FORBIDDEN_HOST',
  'FORBIDDEN_ORIGIN',
  'BUDGET_EXCEEDED',
  'PAYMENT_REQUIRED',
  'APPROVAL_REQUIRED',
  'APPROVAL_DENIED',
  'APPROVAL_EXPIRED',
  'KILLED',
  'PAUSED',
  'QUARANTINED',
]);

export const isUnreachable = (error: unknown): boolean =>
  error instanceof UnreachableError || error instanceof IdleFolderError;

export function exitCodeOf(error: unknown): ExitCode {
  if (isUnreachable(error)) return EXIT.unreachable;
  if (!(error instanceof AipError)) return EXIT.failed;
  if (error.code === 'CONFIG_INVALID' || wrongInputs(error)) return EXIT.usage;
  return DENIED.has(error.code) ? EXIT.denied : EXIT.failed;
}

/** What a platform says of each input of one of its operations that is not as it should be; undefined for other errors. */
export function wrongInputs({ code, details }: AipError): readonly string[] | undefined {
  const issues = code === 'INVALID_ARGUMENT' ? details?.['issues'] : undefined;
  if (!Array.isArray(issues) || issues.length === 0) return undefined;
  return (issues as { path: string; message: string }[]).map(({ path, message }) =>
    path === '' ? message : `${path}: ${message}`,
  );
}

/** What is wrong with the settings, each for itself. */
export function faultsOf(error: unknown): readonly string[] {
  const { message, details } = toShownError(error);
  const { errors } = details ?? {};
  return Array.isArray(errors) && errors.length > 0 ? errors.map(String) : [message];
}

/** What is told about a failure: the message, and for what is not ours the message alone. */
export function toShownError(thrown: unknown): AipError {
  if (thrown instanceof AipError || !(thrown instanceof Error)) return toAipError(thrown);
  return new AipError('INTERNAL_ERROR', thrown.message, { cause: thrown });
}
