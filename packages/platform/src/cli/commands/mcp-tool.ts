import { AipError } from '@aip/wire';

/** `<server>/<tool>` or `v/<virtual server>/<tool>`; a tool's own name may have slashes. No server is called "v". */
export function toolNamed(text: string): { server: string; name: string } {
  const [, server, name] = /^(?:tool:)?(v\/[^/]+|(?!v\/)[^/]+)\/(.+)$/s.exec(text) ?? [];
  if (server !== undefined && name !== undefined) return { server, name };
  throw new AipError(
    'CONFIG_INVALID',
    `"${text}" is no tool: name it as <server>/<tool>; "aip mcp list" shows servers.`,
  );
}
