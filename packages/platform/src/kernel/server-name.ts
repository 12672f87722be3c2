/**
 * A name that an operator gives to what stands behind the platform (an MCP server, a source). It is an owner in
 * addresses and a part of paths, so words that already mean something there are none.
 */
export const SERVER_NAME = /^(?!(?:aip|operations|v)$)[a-z0-9][a-z0-9_-]{0,31}$/i;

export const SERVER_NAME_RULE = 'letters, digits, dash and underscore, at most 32; not aip, operations or v';
