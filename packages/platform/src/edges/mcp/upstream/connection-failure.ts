/** Codes of the system and of undici for a connection that was not made, or was lost, in words. */
const MEANINGS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'it refuses connections',
  ENOTFOUND: 'its name does not resolve',
  EAI_AGAIN: 'its name cannot be resolved now',
  EHOSTUNREACH: 'there is no way to it',
  ENETUNREACH: 'there is no way to it',
  ETIMEDOUT: 'connecting to it timed out',
  UND_ERR_CONNECT_TIMEOUT: 'connecting to it timed out',
  UND_ERR_HEADERS_TIMEOUT: 'its answer timed out',
  UND_ERR_BODY_TIMEOUT: 'its answer timed out',
  ECONNRESET: 'it cut the connection',
  UND_ERR_SOCKET: 'it cut the connection',
  EPIPE: 'it cut the connection',
};

/** Codes of TLS: of OpenSSL, of the verification of certificates, and of Node's own checks. */
const TLS = /^(?:ERR_(?:SSL|TLS)_|CERT_|CRL_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA|EPROTO$)/;
/** Ports of other services, which `fetch` calls at nobody's wish (Fetch standard, section 2.9). */
const BAD_PORT = 'bad port';

/** Why the connection failed, however deep it lies: it does not say that nothing had been begun before. */
export function whyDisconnected(thrown: unknown): string | undefined {
  let error = thrown;
  for (let depth = 0; error instanceof Error && depth < 8; depth++, error = error.cause) {
    const { code } = error as NodeJS.ErrnoException;
    if (error.message === BAD_PORT) return 'HTTP clients do not call that port (bad port)';
    if (typeof code !== 'string') continue;
    if (TLS.test(code)) return `TLS with it fails (${code})`;
    if (/^(?:E[A-Z]{3,}|UND_ERR)/.test(code)) return `${MEANINGS[code] ?? 'the connection to it failed'} (${code})`;
  }
  return undefined;
}
