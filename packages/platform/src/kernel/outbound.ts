/** What one `fetch` may do beyond reaching public addresses. */
export interface OutboundRules {
  /**
   * URLs that an operator has named: permission for exactly their origins, private addresses included. Whatever a
   * remote party names – a redirect, a metadata or card URL, a callback – belongs here never.
   */
  readonly named?: readonly string[];
  /** A response body beyond this many bytes, decompressed, fails with PAYLOAD_TOO_LARGE. */
  readonly maxBytes?: number;
  /** Milliseconds for the whole exchange, its body included; unlimited unless set. */
  readonly timeout?: number;
}

/**
 * Makes a `fetch` for one purpose. It reaches public addresses and the named origins; anything else fails with
 * ADDRESS_BLOCKED before a connection is made, at every redirect too. Redirects lead across origins without
 * credentials or body.
 */
export type FetchFor = (rules?: OutboundRules) => typeof fetch;
