import { existsSync } from 'node:fs';
import { exportSeed, type JsonObject } from '@aip/wire';
import { budgetGuard, budgetOperations } from '../economy/budgets/index.ts';
import { ledgerOperations } from '../economy/ledger/index.ts';
import { requireFormatOf } from '../engines/sqlite/format.ts';
import { openSqliteReader } from '../engines/sqlite/reader.ts';
import { createExchange, type Exchange } from '../exchange/index.ts';
import { exchangeOperations } from '../exchange/operations.ts';
import { resourceMeant } from '../exchange/resource-meant.ts';
import { skillMeant, skillsOf } from '../exchange/skill-meant.ts';
import { senderKey } from '../exchange/task-decider.ts';
import { approvalOperations, approveGuard, resumeAnswered } from '../governance/approvals/index.ts';
import { auditOperations } from '../governance/audit/index.ts';
import { createLatch, gateGuard, keepLatch, killOperations } from '../governance/killswitch/index.ts';
import { limitGuard } from '../governance/limits/index.ts';
import { createPinBook, pinGuard, pinOperations, type PinMode } from '../governance/pins/index.ts';
import {
  DEV_POLICY,
  openPolicyFolder,
  breaksGlass,
  policyGuard,
  policyOperations,
  questions,
} from '../governance/policy/index.ts';
import {
  ADMIN,
  authenticator,
  createIssuers,
  createLogins,
  createTokenBook,
  endRevoked,
  identityOperations,
  openSecrets,
  scopeGuard,
  openVault,
  principalNow,
  servicePrincipal,
  vaultOperations,
  type Issuers,
  type Logins,
  type Secrets,
} from '../identity/index.ts';
import { createJournal } from '../journal/journal.ts';
import type { Address } from '../kernel/address.ts';
import { data } from '../kernel/body.ts';
import { systemClock } from '../kernel/clock.ts';
import { PASS, type Guard } from '../kernel/guard.ts';
import { ACTION_ON } from '../kernel/message.ts';
import type { Operation } from '../kernel/operation.ts';
import type { FetchFor } from '../kernel/outbound.ts';
import { DEFAULT_TENANT, type Principal } from '../kernel/principal.ts';
import type { TaskHead } from '../kernel/task.ts';
import type { Vault } from '../kernel/vault.ts';
import { createDoor, createRegistry, registryOperations, trustGuard, type Registry } from '../registry/index.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { Config } from './config.ts';
import { claimDataFolder, lostLog, unreadableLog } from './data-folder.ts';
import { originOf } from './log-origin.ts';
import type { Log } from './log.ts';
import { platformOperations } from './platform-operations.ts';
import { watchWrites } from './write-watch.ts';
import { startWriterThread } from './writer-thread.ts';

/** The exchange with its guards filled from the domains, over the journal in the data folder; no edge yet. */
export interface Core extends AsyncDisposable {
  readonly exchange: Exchange;
  readonly registry: Registry;
  readonly secrets: Secrets;
  readonly logins: Logins;
  /** OAuth issuers whose access tokens are accepted. */
  readonly issuers: Issuers;
  readonly vault: Vault;
  /** Tools that are quarantined now. */
  quarantinedTools(): number;
  readonly operations: readonly Operation[];
  /** Resolves with the reason when the log can no longer be written at all: its writer has ended. */
  readonly logLost: Promise<Error>;
  /** Why nothing can be recorded at the moment, as a sentence; undefined when it can. */
  logFailure(): string | undefined;
  /** Takes up what a restart has interrupted; called once the edges stand. */
  recover(): void;
}

export interface CoreOptions {
  readonly config: Config;
  /** Operations that edges bring along (upstream servers). */
  readonly operations?: readonly Operation[];
  /** The guarded way out of the platform. */
  readonly fetchFor: FetchFor;
  /** How closely an upstream server's tools are watched for changes; undefined for whoever is none. */
  readonly pinning?: (server: string) => PinMode | undefined;
  /** For trying things out: the first start writes a policy that lets agents call each other. */
  readonly dev?: boolean;
  readonly telemetry: Telemetry;
  readonly log: Log;
}

/** Throws CONFIG_INVALID for settings and files that cannot be used, CONFLICT when another platform runs on the folder. */
export async function openCore(options: CoreOptions): Promise<Core> {
  try {
    return await open(options);
  } catch (cause) {
    throw unreadableLog(options.config.data_dir, cause);
  }
}

async function open({
  config,
  operations: extra = [],
  pinning = () => undefined,
  fetchFor,
  dev = false,
  telemetry,
  log,
}: CoreOptions): Promise<Core> {
  await using cleanup = new AsyncDisposableStack();
  const clock = systemClock;
  const now = (): number => clock.now();
  const folder = claimDataFolder(config.data_dir);
  cleanup.defer(() => folder.release());
  requireFormatOf(folder.journal);
  const lost = lostLog(folder.path);
  if (lost !== undefined)
    log('warn', `${lost}. Stop, and restore the log from a backup, unless it was you who has taken it away.`);
  const secrets = openSecrets(folder.path, config.admin_token, existsSync(folder.journal));
  const vault = openVault(folder.path);

  // The writer's thread starts while the policies are compiled.
  const starting = startWriterThread({ file: folder.journal, gatewaySeed: exportSeed(secrets.gateway) });
  const started = starting.catch(() => undefined);
  cleanup.defer(async () => (await started)?.close());
  const policies = await openPolicyFolder({
    folder: folder.policies,
    extra: dev ? [DEV_POLICY] : [],
    onChange: (error) =>
      error
        ? log('error', `policies on disk are invalid, those from before stay in force: ${error.message}`, {
            errors: error.details?.['errors'],
          })
        : log('info', 'policies reloaded'),
  });
  cleanup.defer(() => policies.stop());
  const writer = await starting;
  if (policies.error) log('error', `policies are invalid, so nothing is permitted: ${policies.error.message}`);
  const reader = openSqliteReader(folder.journal);
  cleanup.defer(() => reader.close());

  const watched = watchWrites(writer, () => clock.monotonic());
  const journal = createJournal(watched, reader);
  const latch = createLatch();
  const logins = createLogins(now);
  const registry = createRegistry(now);
  const door = createDoor(() => journal.read, secrets.pepper, now);
  const issuers = createIssuers({ issuers: config.identity.issuers, fetchFor, now });
  const tokens = createTokenBook(journal, secrets.pepper, now);
  const running = (): Exchange => exchange;
  const tokensOf = (did: string, tenant: string): string[] =>
    tokens.list(tenant).flatMap(({ id, agent }) => (agent === did ? [id] : []));
  const pins = createPinBook({
    journal,
    mode: pinning,
    put: (owner, entries) => exchange.catalogue.put(owner, entries),
    log,
  });
  const operations = [
    ...exchangeOperations(running),
    ...registryOperations(registry, running, door, { tokensOf }, now),
    ...identityOperations(() => tokens, logins, now),
    ...vaultOperations(vault),
    ...killOperations(running, latch, now),
    ...approvalOperations(running),
    ...policyOperations(() => policies, {
      resolve: (address) => exchange.catalogue.resolve(address),
      meant,
      principal: principalNamed,
      names: () => [
        ...registry.views(DEFAULT_TENANT).map(({ name }) => name),
        ...tokens.list(DEFAULT_TENANT).map((row) => servicePrincipal(row).id),
        ADMIN.name,
      ],
    }),
    ...budgetOperations(running, { knows: isKnown }, now),
    ...ledgerOperations(running),
    ...auditOperations(running, secrets.gateway.did, (tenant) => originOf(secrets.gateway.did, tenant)),
    ...pinOperations(pins),
    ...platformOperations({
      exchange: running,
      registry,
      gatewayDid: secrets.gateway.did,
      permits: (principal, target) =>
        policies.set
          ? policies.set.decide(questions({ principal, target, protocol: 'http', body: data({}) })[0]).effect ===
            'permit'
          : breaksGlass({ plane: target.plane ?? 'data', principal }),
      started: now(),
    }),
    ...extra,
  ];
  const exchange = createExchange({
    journal,
    operations,
    clock,
    telemetry,
    vet: (owner, entries) => pins.vet(owner, entries),
    isGone,
    asNow: (principal) => principalNow({ agent: (did) => registry.get(did) }, principal),
    slots: {
      authenticate: authenticator({
        adminToken: secrets.adminToken,
        tokens,
        logins,
        agents: { agent: (did) => registry.get(did) },
      }),
      limit: limitGuard(
        {
          messages: { perSecond: config.rate.per_second, burst: config.rate.burst },
          bytes: { perSecond: config.rate.bytes_per_second, burst: config.rate.bytes_burst },
        },
        () => clock.monotonic(),
        (principal) =>
          principal.kind === 'agent' ? registry.get(principal.id) !== undefined : principal.kind !== 'anonymous',
      ),
      gate: gateGuard(latch),
      trust: inTurn('trust', [trustGuard(registry, door), pinGuard(pins), scopeGuard(config.identity.scopes)]),
      policy: policyGuard(policies, now),
      approve: approveGuard(now),
      budget: budgetGuard(journal.read, now),
    },
  });
  registry.start(exchange);
  cleanup.defer(keepLatch(exchange, latch));
  cleanup.defer(endRevoked(exchange));

  /** Whether the token of a sender, or of somebody whom it acts for, has been revoked. */
  function isGone({ token, onBehalfOf }: Principal): boolean {
    return (token !== undefined && !tokens.holds(token)) || (onBehalfOf !== undefined && isGone(onBehalfOf));
  }

  /** What a call means, so that policies can be asked about it. */
  function meant(to: Address, given: JsonObject) {
    const { catalogue } = exchange;
    const named = catalogue.resolve(to);
    const draft = { to, action: ACTION_ON[named.kind], body: data(given) };
    const { target, body } = resourceMeant(catalogue, skillMeant(catalogue, named, draft), draft);
    return { target, body, skills: skillsOf(catalogue, target, draft) };
  }

  /** Who a name stands for, so that policies can be asked about it. */
  function principalNamed(id: string): Principal | undefined {
    const name = id.replace(/^agent:/, '');
    const agent = registry.get(name) ?? registry.views(DEFAULT_TENANT).find((view) => view.name === name);
    if (agent) return exchange.authenticate({ kind: 'signed', did: agent.did });
    if (name !== id) return undefined;
    const token = tokens.list(DEFAULT_TENANT).find((row) => row.name === id.replace(/^service:/, ''));
    if (token) return servicePrincipal(token);
    return id === ADMIN.name || id === ADMIN.id ? ADMIN : undefined;
  }

  function isKnown(id: string): boolean {
    return principalNamed(id) !== undefined || journal.read.row(DEFAULT_TENANT, senderKey(id)) !== undefined;
  }

  const resources = cleanup.move();
  return {
    exchange,
    registry,
    secrets,
    logins,
    issuers,
    vault,
    quarantinedTools: () => pins.quarantined(),
    operations,
    logLost: writer.died,
    logFailure: () => watched.failure()?.message,
    recover() {
      try {
        for (const tenant of journal.read.tenants()) {
          for (const { value } of journal.read.open(tenant, 'task:'))
            exchange.recover(tenant, value as unknown as TaskHead);
        }
        resources.defer(resumeAnswered(exchange));
      } catch (cause) {
        throw unreadableLog(folder.path, cause);
      }
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** Several guards in one slot: each is asked what those before it let pass. What comes back is none of their business. */
const inTurn = (name: string, guards: readonly Pick<Guard, 'admit'>[]): Guard => ({
  name,
  admit(crossing) {
    for (const guard of guards) {
      const verdict = guard.admit(crossing);
      if (verdict.verdict !== 'pass') return verdict;
    }
    return PASS;
  },
});
