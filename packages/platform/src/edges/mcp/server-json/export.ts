import type { JsonObject } from '@aip/wire';
import { SCHEMA_URL } from './document.ts';

export interface ExportedEndpoint {
  /** Reverse DNS: `io.github.user/tools`. */
  readonly name: string;
  readonly description: string;
  readonly version: string;
  readonly url: string;
}

/** An endpoint of this platform as a `server.json`: reached over Streamable HTTP, with a token of the platform. */
export const exportServerJson = ({ name, description, version, url }: ExportedEndpoint): JsonObject => ({
  $schema: SCHEMA_URL,
  name,
  description: shortened(description),
  version,
  remotes: [
    {
      type: 'streamable-http',
      url,
      headers: [
        {
          name: 'Authorization',
          description: 'A token of this platform.',
          isRequired: true,
          isSecret: true,
          value: 'Bearer {token}',
          variables: {
            token: { description: 'Made with "aip token create".', isRequired: true, isSecret: true },
          },
        },
      ],
    },
  ],
});

/** The schema's limit, in characters. */
const MAX_DESCRIPTION = 100;

const shortened = (text: string): string =>
  text.length <= MAX_DESCRIPTION ? text : `${text.slice(0, MAX_DESCRIPTION - 1)}…`;
