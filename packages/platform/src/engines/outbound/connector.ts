import { lookup as systemLookup, type LookupAddress, type LookupAllOptions } from 'node:dns';
import { isIP } from 'node:net';
import { AipError } from '@aip/wire';
import { buildConnector } from 'undici';
import { blockedRange } from './addresses.ts';

/** How long a connection may take to open, in milliseconds. */
const CONNECT_TIMEOUT = 10_000;

/** Resolves a name to all of its addresses; `dns.lookup` unless a test says otherwise. */
export type Resolve = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

type Connector = buildConnector.connector;

/**
 * Opens connections to public addresses only. What is checked is the very address that is then connected to, so a name
 * cannot resolve to one thing for the check and to another for the connection (DNS rebinding).
 */
export function publicConnector(resolve?: Resolve): Connector {
  // One bad address spoils them all: who mixes them wants us to pick it.
  const connect = connector(resolve, (host, addresses) =>
    addresses.map((address) => blockage(host, address)).find(Boolean),
  );
  return (options, callback) => {
    // An address needs no lookup, so nobody would have looked at it.
    const literal = options.hostname.replace(/^\[(.*)\]$/, '$1');
    const blocked = isIP(literal) === 0 ? undefined : blockage(literal, literal);
    if (blocked) callback(blocked, null);
    else connect(options, callback);
  };
}

/** Opens any connection: for origins that an operator has named. */
export const namedConnector = (resolve?: Resolve): Connector => connector(resolve, () => undefined);

function connector(
  resolve: Resolve = systemLookup,
  refusal: (host: string, addresses: readonly string[]) => Error | undefined,
): Connector {
  return buildConnector({
    timeout: CONNECT_TIMEOUT,
    lookup: (host, options, callback) =>
      resolve(host, { ...options, all: true }, (failed, addresses) => {
        // A lookup that has failed gives no addresses at all, not even an empty list.
        if (failed) return callback(failed, []);
        const refused = refusal(
          host,
          addresses.map(({ address }) => address),
        );
        const [first] = addresses;
        if (refused) callback(refused, []);
        else if (options.all) callback(null, addresses);
        else callback(null, first?.address ?? '', first?.family);
      }),
  });
}

function blockage(host: string, address: string): AipError | undefined {
  const range = blockedRange(address);
  if (range === undefined) return undefined;
  const where = host === address ? address : `${host} is ${address}, which`;
  return new AipError(
    'ADDRESS_BLOCKED',
    `${where} is not a public address (${range}), and no operator has named that origin; only what the configuration names may be inside.`,
    { details: { host, address, range } },
  );
}
