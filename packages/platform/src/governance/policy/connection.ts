import { entity, quote, showEntity } from './value.ts';

/** The file in the policy folder that holds one policy per connection. */
export const CONNECTIONS_FILE = 'connections.cedar';

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
