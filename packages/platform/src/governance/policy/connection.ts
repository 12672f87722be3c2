import { entity, quote, showEntity } from './value.ts';

/** The file in the policy folder that holds one policy per connection. */
export const CONNECTIONS_FILE = 'connections.cedar';

/** The protocols over which agents can be connected. */
export const CONNECTABLE = ['a2a', 'mcp', 'ioap', 'http'] as const;

/** What agents that use the SDK speak: the protocol of `aip connect` unless it is told another. */
export const USUAL_PROTOCOL = 'ioap';

export const isConnectable = (protocol: string): boolean => (CONNECTABLE as readonly string[]).includes(protocol);

/** One direction between two agents; the way back is a connection of its own. */
export interface Connection {
  /** DID of the agent that calls. */
  readonly from: string;
  /** DID of the agent that is called. */
  readonly to: string;
  /** The protocol by which it calls, as in `context.protocol`. */
  readonly protocol: string;
}

/** The id of the policy of a connection; the same connection always has the same one. */
export const connectionId = ({ from, to, protocol }: Connection): string => `connect ${from} to ${to} over ${protocol}`;

/** The policy that lets one agent reach another: the agent itself and its skills, over one protocol. */
export function connectionPolicy(connection: Connection): string {
  const { from, to, protocol } = connection;
  return `\
@id(${quote(connectionId(connection))})
permit (
  principal == ${showEntity(entity('Agent', from))},
  action in [Action::"invoke", Action::"signal"],
  resource in ${showEntity(entity('Agent', to))}
)
when { context.protocol == ${quote(protocol)} };
`;
}

/** The command that makes a connection between two agents, here by their names. */
export const connectCommand = ({ from, to, protocol }: Connection): string =>
  `aip connect ${from} ${to}${protocol === USUAL_PROTOCOL ? '' : ` --protocol ${protocol}`}`;
