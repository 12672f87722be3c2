import type { RegistryArgument } from './document.ts';

/**
 * What a document may tell the program that fetches and starts its package. Most options of those make them run
 * something else than the package that people are shown (`npx --package`, `-c`, `--registry`; `uvx --with`, `--index`),
 * and so does a word that comes before its name; so only these pass.
 */
interface Allowed {
  /** They stand by themselves. */
  readonly flags: ReadonlySet<string>;
  /** They take a value. */
  readonly options: ReadonlySet<string>;
}

const allowed = (flags: string, options: string): Allowed => ({
  flags: new Set(flags.split(' ')),
  options: new Set(options.split(' ')),
});

const ALLOWED: Readonly<Record<string, Allowed>> = {
  npx: allowed('-y --yes -q --quiet --ignore-scripts --prefer-offline', ''),
  // After --from comes the package itself, and after that which of its programs is meant.
  uvx: allowed('-q --quiet --from --isolated --no-cache', ''),
  docker: allowed(
    '-i --interactive --rm --init --read-only',
    '--mount -v --volume --tmpfs -e --env -p --publish --network --add-host -u --user -w --workdir --name --hostname -m --memory --cpus --platform',
  ),
};

/** Some documents have the whole command line of `docker run …`, of which that word is there anyway. */
export function withoutRun(runtime: string | undefined, list: readonly RegistryArgument[]): RegistryArgument[] {
  const [first] = list;
  const isRun = runtime === 'docker' && first?.type === 'positional' && first.value === 'run';
  return list.slice(isRun ? 1 : 0);
}

/** The first argument that is none of those, as it may be shown; undefined when all are. */
export function strayOption(runtime: string, list: readonly RegistryArgument[]): string | undefined {
  const known = ALLOWED[runtime];
  const stray = list.find((argument) => !known || !isAllowed(known, argument));
  return stray?.type === 'named' ? stray.name : (stray?.value ?? stray?.valueHint);
}

function isAllowed({ flags, options }: Allowed, argument: RegistryArgument): boolean {
  if (argument.type === 'named') {
    const value = argument.value ?? argument.default;
    // With two dashes, name and value are one argument; what follows another flag would be read as the package.
    const isPlain = value === undefined || (argument.name.startsWith('--') && isSwitch(value));
    return options.has(argument.name) || (flags.has(argument.name) && isPlain);
  }
  const [, name = '', value] = /^(-[^=]*)(?:=(.*))?$/s.exec(argument.value ?? '') ?? [];
  return value === undefined ? flags.has(name) : options.has(name) || (flags.has(name) && isSwitch(value));
}

const isSwitch = (value: string): boolean => value === 'true' || value === 'false';

/** Variables that tell the same programs, or the system that starts them, where to get what they run. */
const STEERING =
  /^(?:npm_config_.*|uv_.*|pip_.*|docker_.*|ld_.*|dyld_.*|node_(?:options|path|extra_ca_certs|tls_reject_unauthorized)|python(?:path|home|startup)|(?:https?|all|no)_proxy|path|home|shell|bash_env|env|ssl_cert_(?:file|dir))$/i;

/** Whether a variable of the package's would be obeyed by what starts the package. */
export const steersRuntime = (name: string): boolean => STEERING.test(name);
