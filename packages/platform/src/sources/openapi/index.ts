import { watch } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { AipError, toAipError } from '@aip/wire';
import { argumentsOf } from '../../kernel/body.ts';
import type { Effect } from '../../kernel/catalogue.ts';
import { toolResultOf } from '../answer.ts';
import { createApi, type Api, type ApiContext } from '../api.ts';
import { toolEntry } from '../entry.ts';
import type { OpenApiSettings } from '../settings.ts';
import type { Loaded, Offer, Source } from '../source.ts';
import { child, DOCUMENT_LIMITS, fault, readApiDocument, textAt, type ApiDocument } from './document.ts';
import { compileOperation, type CompiledOperation } from './operation.ts';
import type { ParameterIn } from './parameters.ts';
import { selectedOperations, type NamedOperation } from './selection.ts';

/** Tools that one document may become. */
const MAX_TOOLS = 1_000;

/** The operations of an OpenAPI document as tools. `folder`: where a relative path of the document begins. */
export function openApiSource(name: string, settings: OpenApiSettings, context: ApiContext, folder: string): Source {
  const url = documentUrl(settings.document, folder);
  const fetchDocument = context.fetchFor({ named: url.startsWith('file:') ? [] : [url], ...DOCUMENT_LIMITS });
  let files: readonly string[] = [url];

  async function load(signal: AbortSignal): Promise<Loaded> {
    const document = await readApiDocument(url, fetchDocument, signal);
    files = document.files;
    const api = createApi(apiSettings(document), context);
    const found = selectedOperations(document, settings.operations);
    const problems = [
      ...(found.length > MAX_TOOLS ? [`${found.length} operations; ${MAX_TOOLS} are taken`] : []),
      ...unknownNames(found),
    ];
    const offers = found.slice(0, MAX_TOOLS).flatMap((operation): Offer[] => {
      try {
        return [offerOf(document, operation, api)];
      } catch (error) {
        problems.push(toAipError(error).message);
        return [];
      }
    });
    if (offers.length === 0)
      throw problems.length > 0
        ? new AipError('CONFIG_INVALID', problems.join(' '))
        : fault(document.root, 'none of its operations is selected');
    return { offers, problems };
  }

  function offerOf(document: ApiDocument, operation: NamedOperation, api: Api): Offer {
    const pick = ownValue(settings.response.pick, operation.name);
    const own = child(operation.place, 'servers') ?? child(operation.pathItem, 'servers');
    if (own && settings.base_url === undefined)
      throw fault(own, 'it has servers of its own; set base_url to use another');
    const { outputSchema, ...compiled } = compileOperation(document, operation, isSet);
    // What is picked out of an answer is not what the document promises.
    const promised = outputSchema && pick === undefined ? { outputSchema } : {};
    const entry = toolEntry(
      name,
      {
        ...wordsOf(compiled),
        ...promised,
        name: operation.name,
        binding: { base_url: api.baseUrl, ...compiled.binding },
      },
      { effect: effectOf(operation), price: ownValue(settings.prices, operation.name) ?? settings.default_price },
    );
    const trimming = {
      pick,
      maxItems: settings.response.max_items,
      maxBytes: settings.response.max_bytes,
      structured: entry.outputSchema !== undefined,
    };
    return {
      entry,
      async perform({ message, signal }) {
        const answer = await api.send(compiled.build(argumentsOf(message.body)), signal);
        return { type: 'mcp', value: toolResultOf(answer, trimming) };
      },
    };
  }

  /** Reading is what GET and HEAD mean (RFC 9110, section 9.2.1); what the rest does, only the operator knows. */
  const effectOf = ({ name: tool, method }: NamedOperation): Effect =>
    ownValue(settings.effects, tool) ?? (method === 'GET' || method === 'HEAD' ? 'read' : 'external');

  /** What the operator sets is neither shown to the model nor taken from it. */
  function isSet(where: ParameterIn, parameter: string): boolean {
    const lower = parameter.toLowerCase();
    if (where === 'header' && Object.keys(settings.headers).some((header) => header.toLowerCase() === lower))
      return true;
    const { auth } = settings;
    if (auth === undefined || !('api_key' in auth)) return false;
    const key = auth.api_key;
    return key.in === where && (where === 'header' ? key.name.toLowerCase() === lower : key.name === parameter);
  }

  function unknownNames(found: readonly NamedOperation[]): string[] {
    const names = new Set(found.map((operation) => operation.name));
    return [settings.effects, settings.prices, settings.response.pick]
      .flatMap((table) => Object.keys(table))
      .filter((tool) => !names.has(tool))
      .map((tool) => `the settings name a tool "${tool}" that there is not`);
  }

  function apiSettings(document: ApiDocument): Parameters<typeof createApi>[0] {
    const { auth, headers, timeout_seconds, base_url } = settings;
    const common = { auth, headers, timeoutSeconds: timeout_seconds };
    if (base_url !== undefined) return { ...common, baseUrl: base_url, named: true };
    const baseUrl = serverUrl(document, url);
    // The document's own origin was named by the operator; what else it names was not.
    const named = new URL(baseUrl).origin === new URL(url).origin;
    if (auth !== undefined && !named && !url.startsWith('file:'))
      throw new AipError(
        'CONFIG_INVALID',
        `sources.openapi.${name}: its document names the server ${new URL(baseUrl).origin}, which is not where the document is; set base_url to say that it is to have the credentials of auth.`,
      );
    return { ...common, baseUrl, named };
  }

  return {
    kind: 'openapi',
    load,
    ...(url.startsWith('file:') ? { watch: (changed: () => void) => watchFiles(() => files, changed) } : {}),
  };
}

const wordsOf = ({ title, description, inputSchema }: CompiledOperation) => ({
  ...(title === undefined ? {} : { title }),
  description,
  inputSchema,
});

const ownValue = <Value>(table: Readonly<Record<string, Value>>, name: string): Value | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined;

const documentUrl = (document: string, folder: string): string =>
  /^https?:\/\//i.test(document) ? new URL(document).href : pathToFileURL(resolve(folder, document)).href;

/** The first server, its variables at their defaults (OpenAPI 3.1, Server Object). Throws CONFIG_INVALID. */
function serverUrl(document: ApiDocument, url: string): string {
  const server = child(document.root, 'servers', 0);
  const template = server ? (textAt(server, 'url') ?? '/') : '/';
  const variables = server && child(server, 'variables');
  const filled = template.replaceAll(/\{([^{}]+)\}/g, (whole, variable: string) => {
    const place = variables && child(variables, variable);
    return (place && textAt(place, 'default')) ?? whole;
  });
  const base = URL.parse(filled, url.startsWith('file:') ? undefined : url);
  if (base && /^https?:$/.test(base.protocol)) return base.origin + base.pathname;
  throw fault(server ?? document.root, 'it does not say at which URL the API is; set base_url');
}

/** Editors replace files instead of writing into them, so it is their folders that are watched. */
function watchFiles(files: () => readonly string[], changed: () => void): () => void {
  const [root = ''] = files();
  const folder = dirname(fileURLToPath(root));
  try {
    const watcher = watch(folder, { persistent: false }, (_, file) => {
      if (file === null || files().some((known) => basename(fileURLToPath(known)) === file)) changed();
    });
    watcher.on('error', () => watcher.close());
    return () => watcher.close();
  } catch {
    // A folder that is not there yet: failing loads are tried again anyway.
    return () => {};
  }
}
