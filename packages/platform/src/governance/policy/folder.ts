import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AipError } from '@aip/wire';
import { compilePolicies, type PolicySet } from './policy-set.ts';
import type { PolicyFile } from './source.ts';
import { STARTER_FILE, STARTER_POLICY } from './starter.ts';

/** Waits for an editor to finish its several writes, in milliseconds. */
const SETTLE = 100;
const FILE_NAME = /^[a-z0-9][a-z0-9._-]{0,63}\.cedar$/i;

/** The policies in force: the files of a folder, compiled again whenever they change. */
export interface PolicyFolder {
  /** The last set that was valid; undefined when there has been none yet: then everything is denied. */
  readonly set: PolicySet | undefined;
  /** Why the files on disk are not in force, if they are not. */
  readonly error: AipError | undefined;
  files(): PolicyFile[];
  /** Compiles what is on disk now. Throws POLICY_INVALID; the last valid set then stays in force. */
  reload(): Promise<PolicySet>;
  /**
   * Replaces one file, or changes its text, if the whole is valid with it; one such change at a time. Throws
   * POLICY_INVALID or INVALID_ARGUMENT.
   */
  put(name: string, text: string | ((current: string) => string)): Promise<void>;
  stop(): void;
}

export interface PolicyFolderOptions {
  readonly folder: string;
  /** Written beside the starter policy when the folder is made. */
  readonly extra?: readonly PolicyFile[];
  /** Told after every change on disk, whether it took effect or not. */
  readonly onChange: (error: AipError | undefined) => void;
}

/** Opens the folder; on the first start it is made, with the starter policy in it. */
export async function openPolicyFolder({ folder, extra = [], onChange }: PolicyFolderOptions): Promise<PolicyFolder> {
  if (!existsSync(folder)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, STARTER_FILE), STARTER_POLICY);
    for (const { name, text } of extra) writeFileSync(join(folder, name), text);
  }
  let set: PolicySet | undefined;
  let error: AipError | undefined;

  const files = (): PolicyFile[] =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.cedar'))
      .toSorted()
      .map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }));

  let tail: Promise<unknown> = Promise.resolve();

  /** Reading, checking and writing the folder belong together: one at a time. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = tail.then(work);
    tail = result.catch(() => {});
    return result;
  }

  async function compile(): Promise<PolicySet> {
    try {
      set = await compilePolicies(files());
      error = undefined;
      return set;
    } catch (thrown) {
      error =
        thrown instanceof AipError
          ? thrown
          : new AipError('POLICY_INVALID', 'The policy folder cannot be read.', { cause: thrown });
      throw error;
    }
  }

  const reload = (): Promise<PolicySet> => inTurn(compile);

  async function replace(name: string, change: (current: string) => string): Promise<void> {
    if (!FILE_NAME.test(name))
      throw new AipError('INVALID_ARGUMENT', `"${name}" is not a policy file name; expected something like team.cedar`);
    const text = change(files().find((file) => file.name === name)?.text ?? '');
    const next = [...files().filter((file) => file.name !== name), { name, text }].toSorted((a, b) =>
      a.name.localeCompare(b.name),
    );
    await compilePolicies(next);
    const draft = join(folder, `.${name}.${process.pid}.tmp`);
    writeFileSync(draft, text);
    renameSync(draft, join(folder, name));
    await compile();
  }

  await reload().catch(() => {});
  let timer: NodeJS.Timeout | undefined;
  const watcher = watch(folder, () => {
    clearTimeout(timer);
    timer = setTimeout(() => void reload().then(() => onChange(undefined), onChange), SETTLE);
  });

  return {
    get set() {
      return set;
    },
    get error() {
      return error;
    },
    files,
    reload,
    put: (name, text) => inTurn(() => replace(name, typeof text === 'string' ? () => text : text)),
    stop() {
      clearTimeout(timer);
      watcher.close();
    },
  };
}
