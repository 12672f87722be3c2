import { AipError } from '@aip/wire';
import { argumentsOf } from '../../kernel/body.ts';
import { variablesOfTemplate } from '../../kernel/uri-template.ts';
import { readResultOf } from '../answer.ts';
import { createApi, type ApiContext, type Outgoing } from '../api.ts';
import { resourceEntry } from '../entry.ts';
import { inQuery } from '../openapi/serialise.ts';
import type { HttpSettings } from '../settings.ts';
import type { Offer, Source } from '../source.ts';
import { checkTemplate, variablesOf } from '../variables.ts';

/** Not https: that scheme is for what a client can fetch by itself (MCP 2026-07-28, resources, common URI schemes). */
const SCHEME = 'api://';

/** What an HTTP API has at certain paths, as resources. They are read by GET only. */
export function httpSource(name: string, settings: HttpSettings, context: ApiContext): Source {
  const { auth, headers, timeout_seconds, base_url, max_bytes } = settings;
  const api = createApi({ baseUrl: base_url, named: true, auth, headers, timeoutSeconds: timeout_seconds }, context);

  return {
    kind: 'http',
    async load() {
      const offers = Object.entries(settings.resources).map(([title, { path, description, mime_type }]): Offer => {
        const template = SCHEME + path;
        checkTemplate(template);
        const words = { uri: template, name: title, description };
        return {
          entry: resourceEntry(name, { ...words, ...(mime_type === undefined ? {} : { mimeType: mime_type }) }),
          async perform({ message, signal }) {
            const asked = argumentsOf(message.body)['uri'];
            const uri = typeof asked === 'string' ? asked : template;
            const answer = await api.send(requestOf(template, uri), signal);
            return { type: 'mcp', value: readResultOf(answer, uri, max_bytes, mime_type) };
          },
        };
      });
      return { offers, problems: [] };
    },
  };
}

const style = (name: string) => ({ name, style: 'form', explode: false, allowReserved: false, json: false });

/**
 * The path as it stands in the URI, since that is what policies have looked at, and of the query what the template names.
 * Throws NOT_FOUND for a URI of another shape, INVALID_ARGUMENT for one with an empty part of a path.
 */
function requestOf(template: string, uri: string): Outgoing {
  const names = variablesOfTemplate(template);
  const variables = variablesOf(template, uri);
  // To many servers the same path with fewer slashes.
  const empty = names?.path.find((name) => variables[name]?.split('/').includes(''));
  if (empty !== undefined) throw new AipError('INVALID_ARGUMENT', `${empty}: no part of a path is empty.`);
  const [path = ''] = uri.slice(SCHEME.length).split('?', 1);
  return {
    method: 'GET',
    path,
    query: (names?.query ?? []).flatMap((name) => {
      const value = variables[name];
      return value === undefined ? [] : inQuery(style(name), value);
    }),
  };
}
