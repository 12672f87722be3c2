import type { Transport } from '@modelcontextprotocol/client';
import { reveal, revealHeaders, valueWithoutSecrets, type ReadSecret } from '../../../kernel/secret.ts';
import type { HttpUpstream, ProcessUpstream, UpstreamConfig } from './config.ts';

/** A server's settings with the secrets that they cite, and what must not come back. Throws CONFIG_INVALID. */
export async function revealConfig(
  config: UpstreamConfig,
  read: ReadSecret,
): Promise<{ config: ProcessUpstream<string> | HttpUpstream<string>; secrets: readonly string[] }> {
  if ('command' in config) {
    const { values, secrets } = await reveal(config.env, read);
    return { config: { ...config, env: values }, secrets };
  }
  const { values, secrets } = await revealHeaders(config.headers, read);
  return { config: { ...config, headers: values }, secrets };
}

/** The transport, over which a server cannot tell what it was told: results are kept, and errors are shown. */
export function hiding<T extends Transport>(transport: T, secrets: () => readonly string[]): T {
  let receive = transport.onmessage;
  return Object.defineProperty(transport, 'onmessage', {
    get: () => receive,
    set(next: Transport['onmessage']) {
      receive = next && ((message, extra) => next(valueWithoutSecrets(message, secrets()), extra));
    },
  });
}
