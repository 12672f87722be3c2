import { AipError } from '@aip/wire';
import { citesSecrets, type SecretOrText, type SecretReference } from '../../../kernel/secret.ts';
import type {
  RegistryArgument,
  RegistryPackage,
  RegistryRemote,
  RegistryTemplate,
  ServerDocument,
} from './document.ts';
import { filled, isSecret, needsOf, valueOf, variableNeeds, type Need, type Values } from './inputs.ts';
import { steersRuntime, strayOption, withoutRun } from './runtime-options.ts';

/** The part of `mcp.servers.<name>` that says how a server is reached. */
export type ServerEntry =
  | {
      readonly command: string;
      readonly args: readonly string[];
      readonly env?: Readonly<Record<string, SecretOrText>>;
    }
  | { readonly url: string; readonly headers?: Readonly<Record<string, SecretOrText>> };

/** Takes a secret, and says how settings cite it. */
export type Keep = (name: string, secret: string) => SecretReference;

/** One of the ways to a server that its document offers. Nothing is fetched or run to make an entry of it. */
export interface Offer {
  /** For people: `npm @scope/name@1.0.0`, `https://…`. */
  readonly label: string;
  readonly needs: readonly Need[];
  /** Those of the secrets that stand where nothing can be cited: among the arguments, or in the URL. */
  readonly exposed: readonly string[];
  /** Why it cannot be used here. */
  readonly unusable?: string;
  /** Throws CONFIG_INVALID for what is missing or not among the choices. */
  entry(values: Values, keep: Keep): ServerEntry;
}

/** What the document offers, in its order: packages that run here first, then servers elsewhere. */
export const offersOf = ({ packages, remotes }: ServerDocument): Offer[] => [
  ...packages.map(packageOffer),
  ...remotes.toSorted((a, b) => Number(a.type === 'sse') - Number(b.type === 'sse')).map(remoteOffer),
];

// ── packages ─────────────────────────────────────────────────────────────────────────────────────────

interface Runner {
  readonly runtime: string;
  readonly identifier: RegExp;
  readonly version: RegExp;
  readonly home: readonly string[];
  /** The arguments around those of the runtime, in front of those of the package. */
  command(found: RegistryPackage, runtime: readonly string[], env: readonly string[]): string[];
}

const EXACT = /^\d+(?:[-+.]?[0-9a-z])*$/i;
/** Names are taken literally by these programs, never as an option or a path. */
const RUNNERS: Readonly<Record<string, Runner>> = {
  npm: {
    runtime: 'npx',
    identifier: /^(?:@[a-z0-9~][a-z0-9._~-]*\/)?[a-z0-9~][a-z0-9._~-]*$/,
    version: /^\d+\.\d+\.\d+(?:-[0-9a-z.-]+)?(?:\+[0-9a-z.-]+)?$/i,
    home: ['https://registry.npmjs.org'],
    command: ({ identifier, version }, runtime) => ['-y', ...runtime, `${identifier}@${version}`],
  },
  pypi: {
    runtime: 'uvx',
    identifier: /^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$/i,
    version: EXACT,
    home: ['https://pypi.org'],
    command: ({ identifier, version }, runtime) => [...runtime, `${identifier}@${version}`],
  },
  oci: {
    runtime: 'docker',
    identifier: /^[a-z0-9][a-z0-9._\-/:]*(?:@sha256:[0-9a-f]{64})?$/i,
    version: /^[\w][\w.-]{0,127}$/,
    home: ['https://docker.io'],
    // The container gets the variables from docker's own environment, so that no value stands among the arguments.
    command: ({ identifier, version }, runtime, env) => [
      'run',
      '-i',
      '--rm',
      ...env.flatMap((name) => ['-e', name]),
      ...runtime,
      version === undefined || /[:@][^/]*$/.test(identifier) ? identifier : `${identifier}:${version}`,
    ],
  },
};

function packageOffer(given: RegistryPackage): Offer {
  const { registryType, identifier, version, packageArguments } = given;
  const runner = Object.hasOwn(RUNNERS, registryType) ? RUNNERS[registryType] : undefined;
  const runtimeArguments = withoutRun(runner?.runtime, given.runtimeArguments);
  // Nobody is asked for what would steer the runtime and may be left out.
  const environmentVariables = given.environmentVariables.filter(
    (variable) => isGivenOrNeeded(variable) || !steersRuntime(variable.name),
  );
  const found = { ...given, runtimeArguments, environmentVariables };
  const unusable = faultOf(found, runner);
  const argumentNeeds = [...runtimeArguments, ...packageArguments].flatMap((one) => needsOf(keyOf(one), one));
  return {
    label: `${registryType} ${identifier}${version === undefined ? '' : `@${version}`}`,
    needs: distinct([
      ...argumentNeeds,
      ...environmentVariables.flatMap((variable) => needsOf(variable.name, variable)),
    ]),
    exposed: secretsAmong(argumentNeeds),
    ...(unusable === undefined ? {} : { unusable }),
    entry(values, keep) {
      if (!runner || unusable !== undefined) throw new AipError('CONFIG_INVALID', unusable);
      const env = named(environmentVariables, values, keep);
      const around = runner.command(found, argumentsOf(runtimeArguments, values), Object.keys(env));
      const args = [...around, ...argumentsOf(packageArguments, values)];
      return { command: runner.runtime, args, ...(Object.keys(env).length > 0 ? { env } : {}) };
    },
  };
}

function faultOf(found: RegistryPackage, runner: Runner | undefined): string | undefined {
  const { registryType, identifier, version, transport, registryBaseUrl, runtimeHint, fileSha256 } = found;
  const { runtimeArguments, environmentVariables } = found;
  if (!runner) return `packages of "${registryType}" cannot be started here; npm, pypi and oci can.`;
  if (transport.type !== 'stdio') return `it serves ${transport.type}: start it yourself and add its URL.`;
  if (!runner.identifier.test(identifier)) return `"${identifier}" is no name of a package of ${registryType}.`;
  if (version === undefined ? registryType !== 'oci' : !runner.version.test(version))
    return 'it names no exact version.';
  if (registryBaseUrl !== undefined && !runner.home.includes(registryBaseUrl.replace(/\/$/, '')))
    return `it comes from ${registryBaseUrl}, which ${runner.runtime} would not ask.`;
  if (runtimeHint !== undefined && runtimeHint !== runner.runtime)
    return `it wants ${runtimeHint}; packages of ${registryType} are started with ${runner.runtime} here.`;
  const stray = strayOption(runner.runtime, runtimeArguments);
  if (stray !== undefined)
    return `it gives ${runner.runtime} "${stray}", by which that may run something else; look at it, and add it with "aip add mcp".`;
  const steering = environmentVariables.find(({ name }) => steersRuntime(name));
  if (steering)
    return `its variable ${steering.name} is one that ${runner.runtime} itself, or the system, obeys; look at it, and add it with "aip add mcp".`;
  return fileSha256 === undefined
    ? undefined
    : `its file has to be checked by SHA-256, which ${runner.runtime} does not.`;
}

const isGivenOrNeeded = ({ value, default: fallback, isRequired }: RegistryTemplate): boolean =>
  value !== undefined || fallback !== undefined || isRequired;

const keyOf = (argument: RegistryArgument): string =>
  argument.type === 'named' ? argument.name : (argument.valueHint ?? argument.value ?? '');

/** A flag with two dashes is one argument with its value (`--flag=value`, as the schema has it), others are two. */
function argumentsOf(list: readonly RegistryArgument[], values: Values): string[] {
  return list.flatMap((argument) => {
    const value = valueOf(keyOf(argument), argument, values);
    if (argument.type === 'positional') return value === undefined ? [] : [value];
    if (value === undefined) return [];
    return argument.name.startsWith('--') ? [`${argument.name}=${value}`] : [argument.name, value];
  });
}

// ── servers elsewhere ────────────────────────────────────────────────────────────────────────────────

function remoteOffer({ url: template, variables, headers }: RegistryRemote): Offer {
  const urlNeeds = variableNeeds(template, variables);
  return {
    label: template,
    needs: distinct([...urlNeeds, ...headers.flatMap((header) => needsOf(header.name, header))]),
    exposed: secretsAmong(urlNeeds),
    entry(values, keep) {
      const url = URL.parse(filled(template, variables, values));
      if (!url || !/^https?:$/.test(url.protocol))
        throw new AipError('CONFIG_INVALID', `${template} is no URL with the values given.`);
      const sent = named(headers, values, keep);
      return { url: url.href, ...(Object.keys(sent).length > 0 ? { headers: sent } : {}) };
    },
  };
}

function named(list: RegistryRemote['headers'], values: Values, keep: Keep): Record<string, SecretOrText> {
  const pairs = list.flatMap((item): (readonly [string, SecretOrText])[] => {
    const value = valueOf(item.name, item, values);
    if (value === undefined) return [];
    if (isSecret(item)) return [[item.name, keep(item.name, value)]];
    // Whoever wrote the document would have the platform's secrets sent to a server of their own.
    if (citesSecrets(value))
      throw new AipError('CONFIG_INVALID', `The value of ${item.name} cites a secret of the platform: ${value}`);
    return [[item.name, value]];
  });
  return Object.fromEntries(pairs);
}

const secretsAmong = (needs: readonly Need[]): string[] => needs.filter(({ secret }) => secret).map(({ key }) => key);

const distinct = (needs: readonly Need[]): Need[] => [...new Map(needs.map((need) => [need.key, need])).values()];
