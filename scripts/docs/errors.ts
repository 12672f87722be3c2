import { ERROR_CODES, ERRORS } from '../../packages/wire/src/index.ts';
import { cell, GENERATED_NOTE, tableOf } from './markdown.ts';

/** docs/errors.md */
export function errorsPage(): string {
  const meanings = ERROR_CODES.map((code) => {
    const { meaning, retryable, http } = ERRORS[code];
    return [`\`${code}\``, cell(meaning), retryable ? 'yes' : 'no', String(http)];
  });
  const forms = ERROR_CODES.map((code) => {
    const { jsonrpc, a2a, mcp, grpc, ioap } = ERRORS[code];
    return [
      `\`${code}\``,
      String(mcp ?? jsonrpc),
      a2a ? `${a2a.code} \`${a2a.reason}\`` : String(jsonrpc),
      `\`${grpc}\``,
      `\`${ioap}\``,
    ];
  });
  return `# Errors

${GENERATED_NOTE}

Every failure has one stable code, whichever protocol it is told over. Codes are never renamed or reused. Programs
decide by the code; the message is for people and may change. The table is \`packages/wire/src/errors.ts\`.

Over HTTP an error is \`{"error": {"code", "message", "retryable", "details"?}}\`. *Retryable* means that the same
request, sent again unchanged, may succeed without anybody acting. A failure behind an address keeps the code it was
told with as \`details.agent_code\`; what is not retryable by that one is not retryable.

${tableOf(['Code', 'Meaning', 'Retryable', 'HTTP'], meanings)}

## In other protocols

- **MCP**: a call that the platform refuses is a tool result with \`isError\`, so that the model can read why; the error
  is in its \`_meta\` under \`aip/error\`. Where MCP knows no such result (resources, prompts), and for requests that are
  wrong in themselves, it is a JSON-RPC error of the number below, with the code in \`error.data.code\`.
- **A2A**: the JSON-RPC number below, or for HTTP+JSON the HTTP status above with the gRPC name as \`status\`. A task that
  failed says why in its status metadata, under \`aip.error\`.
- **IoAP**: the \`code\` of an ERROR frame, or of the \`error\` in an EXEC_RESPONSE.

${tableOf(['Code', 'MCP', 'A2A', 'gRPC name', 'IoAP'], forms)}
`;
}
