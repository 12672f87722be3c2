import type { ClaimTable } from '../claim-table.ts';

/** What may happen, what stops it, and what proves it. */
export const governance = {
  'G-POLICY': {
    source: 'seed:aip',
    behaviour:
      'Decides by Cedar policies that can be validated, explained, tested, simulated on recorded traffic and rolled out in stages; denies by default and adds obligations.',
    status: 'partial',
  },
  'G-POLICY.deny': {
    source: 'seed:aip',
    behaviour:
      'Denies what no policy permits, what one forbids, and what one cannot be evaluated for; the denial and the record name the policies.',
    status: 'done',
  },
  'G-POLICY.chain': {
    source: 'mission',
    behaviour: 'Decides for everybody in a delegation: rights along it intersect, obligations add up.',
    status: 'done',
  },
  'G-POLICY.skills': {
    source: 'mission',
    behaviour:
      'Whoever addresses an agent instead of a skill is decided on for each skill that it may run: a policy that forbids one, or asks a person about it, holds.',
    status: 'done',
  },
  'G-POLICY.content': {
    source: 'mission',
    behaviour:
      'Shows policies, and the people who approve, everything that the target gets: every part and the metadata of an A2A message, every field of an IoAP request; what would be ambiguous is refused.',
    status: 'done',
  },
  'G-POLICY.obligations': {
    source: 'seed:aip',
    behaviour: 'Keeps the rates, notes and redactions that permits ask for, in what the caller sees and in the log.',
    status: 'done',
  },
  'G-POLICY.broken': {
    source: 'mission',
    behaviour:
      'Permits nothing while no policy is valid, except that an administrator can steer the platform and mend the files.',
    status: 'done',
  },
  'G-POLICY.live': {
    source: 'seed:aip',
    behaviour:
      'Puts edited policy files in force at once; broken ones leave the last valid set in force and are reported by file, line and column.',
    status: 'done',
  },
  'G-POLICY.operations': {
    source: 'seed:aip',
    behaviour:
      'Lists, validates, explains and tests policies without changing them, and records each change word for word.',
    status: 'done',
  },
  'G-POLICY.connect': {
    source: 'mission',
    behaviour:
      'Connects one agent to another, in one direction and over one protocol, by a policy that is written into a file of its own.',
    status: 'done',
  },
  'G-KILL': {
    source: 'seed:aip',
    behaviour:
      'Stops anything from a session to the whole platform, proves which message was the last accepted, and releases only with enough approvals; a node that is cut off stops by itself.',
    status: 'partial',
  },
  'G-KILL.scopes': {
    source: 'seed:aip',
    behaviour:
      'Kills and pauses everything, a tenant, a protocol, an agent, a server, a capability or a session; control operations still work, so that it can be released.',
    status: 'done',
  },
  'G-KILL.skills': {
    source: 'mission',
    behaviour:
      'A killed capability is not reached by addressing an agent that has it: with one skill the agent is that skill, with several a kill of any of them stops it.',
    status: 'done',
  },
  'G-KILL.stop': {
    source: 'seed:aip',
    behaviour: 'Closes the sessions in the scope of a kill, cancels its tasks, and lets no more of their output out.',
    status: 'done',
  },
  'G-KILL.delegation': {
    source: 'mission',
    behaviour: 'Stops with a task everything that is done on its behalf, down the whole chain of delegation.',
    status: 'done',
  },
  'G-KILL.proof': {
    source: 'seed:aip',
    behaviour:
      'Records a kill as an entry after which the log itself takes no message of its scope until the release, and names the last one before it.',
    status: 'done',
  },
  'G-KILL.answers': {
    source: 'mission',
    behaviour:
      'Lets an answer to what a running call asks its caller pass only where that call itself would still pass – rates, stops, trust, policies – and has it on record, with its content, before it goes on.',
    status: 'done',
  },
  'G-KILL.durable': {
    source: 'mission',
    behaviour: 'Keeps what is stopped stopped across restarts.',
    status: 'done',
  },
  'G-KILL.disk-full': {
    source: 'mission',
    behaviour:
      'Executes nothing while the log cannot be written, but still refuses and still kills: at once, said to be not durable, and recorded as soon as the log can be written.',
    status: 'done',
  },
  'G-KILL.load': {
    source: 'mission',
    behaviour:
      'Killed while many clients call over every protocol, a scope takes not one more message until its release, its connections are closed and its tasks canceled, and aip audit verify says so.',
    status: 'done',
  },
  'G-KILL.tenants': {
    source: 'mission',
    behaviour:
      'Keeps a stop to the tenant that ordered it; only those who run the platform stop everything, and every tenant’s log proves it.',
    status: 'done',
  },
  'G-KILL.revoked': {
    source: 'mission',
    behaviour:
      'Revoking a token or removing an agent closes what it has open – sockets, event streams, MCP sessions – and cancels its tasks as revoked, on record.',
    status: 'done',
  },
  'G-AUDIT': {
    source: 'seed:aip',
    behaviour:
      'Records everything in a Merkle log with signed checkpoints that a third party verifies offline, survives lawful erasure, and exports to common formats.',
    status: 'partial',
  },
  'G-AUDIT.verify': {
    source: 'mission',
    behaviour:
      'aip audit verify checks every leaf, commitment, signed checkpoint and derived row of a log, with or without a running platform; any byte changed, entry taken out or signed part cut off fails, and the entry is named.',
    status: 'done',
  },
  'G-AUDIT.rules': {
    source: 'mission',
    behaviour:
      'Verification decides the log again: what follows a kill in its scope, a task that goes on after its end, a hold resolved twice or a budget passed is found, though the platform itself signed it.',
    status: 'done',
  },
  'G-AUDIT.declared': {
    source: 'mission',
    behaviour: 'What is decided inside the commit reads and writes only rows that it has named before.',
    status: 'done',
  },
  'G-AUDIT.export': {
    source: 'mission',
    behaviour: 'A log is exported as JSON Lines and verified offline from that file alone, as a stream.',
    status: 'done',
  },
  'G-AUDIT.proofs': {
    source: 'RFC 6962 §2.1',
    behaviour:
      'Gives inclusion proofs of any signed entry, and consistency proofs from any older checkpoint, that verify against the signed root.',
    status: 'done',
  },
  'G-AUDIT.rows-follow': {
    source: 'mission',
    behaviour:
      'Keeps balances, task heads and kills as rows that follow the log: whoever reads sees every commit, and a start decides again from the log what a kill -9 has taken.',
    status: 'done',
  },
  'G-AUDIT.tenants': {
    source: 'mission',
    behaviour: 'Keeps a log and a Merkle tree of its own for every tenant, numbered without gaps, across restarts.',
    status: 'done',
  },
  'G-POLICY.retries': {
    source: 'mission',
    behaviour: 'Counts a call that waits for a person once against @rate, however often it is retried while it waits.',
    status: 'done',
  },
  'G-APPROVE': {
    source: 'seed:aip',
    behaviour: 'Parks a call until enough people approve exactly its arguments, with expiry, across restarts.',
    status: 'partial',
  },
  'G-APPROVE.park': {
    source: 'seed:aip',
    behaviour:
      'Parks a call that a policy wants a person to see, shows operators its arguments, runs it once when approved and never when denied, expired or canceled.',
    status: 'done',
  },
  'G-APPROVE.bound': {
    source: 'seed:aip',
    behaviour:
      'Binds an approval to sender, target, action, arguments and price, uses it up with the one call it was given for, and asks anew for any other, or for a higher price.',
    status: 'done',
  },
  'G-APPROVE.reattach': {
    source: 'mission',
    behaviour: 'Leads an identical retry of a parked call to the call that waits, so that several at once are one ask.',
    status: 'done',
  },
  'G-APPROVE.blind': {
    source: 'mission',
    behaviour:
      'Keeps in heads, which are never erased, nothing that a content can be guessed from: what an approval is bound to is salted, and the salt goes with the content.',
    status: 'done',
  },
  'G-APPROVE.bounded': {
    source: 'mission',
    behaviour: 'Lets one sender have a hundred calls wait at a time, decided in the commit, and refuses the next.',
    status: 'done',
  },
  'G-APPROVE.secrets': {
    source: 'mission',
    behaviour:
      'Shows nobody the secrets among the inputs of a parked call, and ends it after a restart with a code of its own, since they are never kept.',
    status: 'done',
  },
  'G-APPROVE.restart': {
    source: 'mission',
    behaviour: 'Keeps parked calls, asks and answers across restarts, also between an answer and its use.',
    status: 'done',
  },
  'G-GUARD': {
    source: 'seed:aip',
    behaviour:
      'Limits rates, enforces rules about the order of calls, redacts personal data and notices signs of injection.',
    status: 'partial',
  },
  'G-GUARD.rates': {
    source: 'seed:aip',
    behaviour:
      'Limits the messages of each principal before they reach the log, shares one small limit among all strangers, and never keeps an administrator from steering.',
    status: 'done',
  },
  'G-GUARD.bytes': {
    source: 'mission',
    behaviour:
      'Limits the bytes that the messages of each principal, and the answers to them, may weigh in the log; pieces of an agent’s answer are slowed, not lost.',
    status: 'done',
  },
  'G-GUARD.shares': {
    source: 'mission',
    behaviour:
      'No caller takes all of what callers share: each has a part of the streams, sessions, watched resources, logins and bytes under way, whoever does not read is cut off, and strangers send little.',
    status: 'done',
  },
} satisfies ClaimTable;
