import { AipError, parseJson, type Json } from '@aip/wire';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import { entryDefinition } from '../../kernel/definition.ts';
import type { Entry, EntryDraft } from '../../kernel/entry.ts';
import type { Journal } from '../../kernel/journal.ts';
import { DEFAULT_TENANT } from '../../kernel/principal.ts';
import { changesBetween, type Change } from './changes.ts';
import { FIRST_SIGHT, PIN_PREFIX, pinDecider, pinKey, type PinRow } from './decider.ts';
import { visible } from './hidden.ts';
import { isGrave, judge, offeredTool, type Finding, type Neighbours, type Offered } from './judge.ts';
import { skeleton } from './look-alikes.ts';

/** How closely a server is watched: not at all, for the log, or for good. What is rejected is quarantined in each. */
export type PinMode = 'off' | 'warn' | 'enforce';

/** Tools that are kept track of for one server; what it shows beyond them is quarantined. */
const MAX_PINS = 5_000;
/** Definitions that one commit carries: together they may be large. */
const BATCH = 16;

export interface PinView {
  readonly server: string;
  readonly tool: string;
  readonly state: 'pinned' | 'quarantined' | 'rejected' | 'unpinned' | 'gone';
  readonly digest?: string;
  readonly pinned?: string;
  readonly pinned_at?: string;
  readonly pinned_by?: string;
  readonly quarantined_at?: string;
  readonly rejected_by?: string;
  readonly findings: Finding[];
}

/** What is pinned, and what of it is offered now. Rows as the log has them; upstream servers belong to every tenant. */
export interface PinBook {
  /** What an owner offers, with the state that its pins give it; what is new is pinned from here on. */
  vet(owner: string, entries: readonly CatalogueEntry[]): readonly CatalogueEntry[];
  list(server?: string): PinView[];
  /** How the tool differs from what was pinned. */
  changes(server: string, tool: string): Change[];
  /** What pinning would agree to: that tool, or every tool of the server that is not pinned as it is. Throws NOT_FOUND. */
  undecided(server: string, tool?: string): Offered[];
  /** Whether it is pinned as it is offered, with nothing held against it: agreeing to it once more changes nothing. */
  agreed(offered: Offered): boolean;
  /** Whether there is such a tool to decide about: one that is known, or offered now. */
  knows(server: string, tool: string): boolean;
  pinEntry(offered: Offered, by: string): EntryDraft;
  /** Tools that are quarantined now. */
  quarantined(): number;
}

export interface PinBookOptions {
  readonly journal: Journal;
  /** Undefined for an owner that is no server: it is left alone. */
  readonly mode: (server: string) => PinMode | undefined;
  /** Puts a server's entries into the catalogue anew, after a decision. */
  readonly put: (owner: string, entries: readonly CatalogueEntry[]) => void;
  readonly log: (level: 'info' | 'warn', message: string, fields: Record<string, unknown>) => void;
}

type Named = Pick<PinRow, 'server' | 'tool'>;

interface Standing {
  readonly offered: Offered;
  readonly findings: Finding[];
  readonly quarantined: boolean;
}

/** What was only put on record is known already; unless the tool has changed meanwhile. */
const isExpected = ({ kind, head }: Entry, standing: Standing | undefined): boolean =>
  kind === 'mcp.quarantine' || (head['by'] === FIRST_SIGHT && head['digest'] === standing?.offered.digest);

const isRefusal = ({ kind }: Finding): boolean => kind === 'rejected';

/** What an operator has refused is not agreed to by the dozen. */
const isUndecided = ({ quarantined, findings }: Standing): boolean => quarantined && !findings.some(isRefusal);

interface Server {
  entries: readonly CatalogueEntry[];
  standings: ReadonlyMap<string, Standing>;
  /** First sights that are not on record yet: what was seen first counts already. */
  readonly seen: Map<string, Offered>;
  recording: boolean;
  stale: boolean;
  /** Tools the log has been told about; once each, until somebody decides. */
  readonly said: Set<string>;
}

export function createPinBook({ journal, mode, put, log }: PinBookOptions): PinBook {
  const rows = new Map<string, PinRow>();
  const counts = new Map<string, number>();
  /** Tools that are pinned, or just about to be, by skeleton of their name: for look-alikes. */
  const alike = new Map<string, Map<string, Named>>();
  const servers = new Map<string, Server>();

  for (const { value } of journal.read.open(DEFAULT_TENANT, PIN_PREFIX)) adopt(value as unknown as PinRow);
  journal.follow(pinDecider.kinds, (entry) => {
    if (entry.tenant === DEFAULT_TENANT) follow(entry);
  });

  /** The row that the decider has written, made again from the entry. */
  function follow(entry: Entry): void {
    const { server, tool } = entry.head as { server: string; tool: string };
    const decision = pinDecider.decide((key) => rows.get(key) as unknown as Json | undefined, entry);
    if ('refuse' in decision) return;
    for (const { key, value } of decision) {
      if (value === null) forget(key);
      else adopt(value as unknown as PinRow);
    }
    const known = servers.get(server);
    if (!known || known.stale || isExpected(entry, known.standings.get(tool))) return;
    known.said.delete(tool);
    known.stale = true;
    queueMicrotask(() => review(server, known));
  }

  function adopt(row: PinRow): void {
    const key = pinKey(row.server, row.tool);
    if (!rows.has(key)) counts.set(row.server, (counts.get(row.server) ?? 0) + 1);
    rows.set(key, row);
    servers.get(row.server)?.seen.delete(row.tool);
    if (row.digest !== undefined) index(row);
  }

  function index({ server, tool }: Named): void {
    const name = skeleton(tool);
    alike.set(name, (alike.get(name) ?? new Map<string, Named>()).set(pinKey(server, tool), { server, tool }));
  }

  function forget(key: string): void {
    const row = rows.get(key);
    if (!row || !rows.delete(key)) return;
    counts.set(row.server, (counts.get(row.server) ?? 1) - 1);
    const named = alike.get(skeleton(row.tool));
    named?.delete(key);
    if (named?.size === 0) alike.delete(skeleton(row.tool));
  }

  // ── judging what is offered ────────────────────────────────────────────────────────────────────────

  function standingsOf(owner: string, { entries, seen }: Server, watched: PinMode): Map<string, Standing> {
    const offered = entries
      .filter((entry) => entry.kind === 'tool')
      // Where pins are off, nothing is looked at but what an operator has refused.
      .filter((entry) => watched !== 'off' || rows.get(pinKey(owner, entry.name))?.rejected)
      .map((entry) => offeredTool(owner, entry.name, entryDefinition(entry)));
    const neighbours = neighboursOf(owner, new Set(offered.map(({ tool }) => tool)), seen);
    return new Map(
      offered.map((one) => {
        const row = rows.get(pinKey(owner, one.tool)) ?? seen.get(one.tool);
        const findings = judge(one, row, neighbours);
        // A refusal is an operator's word, not a suspicion: it holds however closely the server is watched.
        const quarantined = findings.some(watched === 'enforce' ? isGrave : isRefusal);
        if (!row && !quarantined) {
          seen.set(one.tool, one);
          index(one);
        }
        return [one.tool, { offered: one, findings, quarantined }];
      }),
    );
  }

  function neighboursOf(owner: string, offered: ReadonlySet<string>, seen: Server['seen']): Neighbours {
    let gone: Map<string, string> | undefined;
    return {
      alike: (tool) => [...(alike.get(skeleton(tool))?.values() ?? [])],
      vanished(server, shape) {
        gone ??= new Map(
          [...rows.values()]
            .filter((row) => row.server === server && row.shape !== undefined && !offered.has(row.tool))
            .map((row) => [row.shape as string, row.tool]),
        );
        return gone.get(shape);
      },
      full: () => (counts.get(owner) ?? 0) + seen.size >= MAX_PINS,
    };
  }

  function vet(owner: string, entries: readonly CatalogueEntry[]): readonly CatalogueEntry[] {
    const watched = entries.some((entry) => entry.kind === 'tool') ? mode(owner) : undefined;
    if (watched === undefined) {
      servers.delete(owner);
      return entries;
    }
    const server: Server = servers.get(owner) ?? {
      entries,
      standings: new Map(),
      seen: new Map(),
      recording: false,
      stale: false,
      said: new Set(),
    };
    servers.set(owner, server);
    server.entries = entries;
    server.standings = standingsOf(owner, server, watched);
    announce(owner, server);
    if (!server.recording) void record(owner, server);
    return entries.map((entry) =>
      entry.kind === 'tool' && server.standings.get(entry.name)?.quarantined
        ? { ...entry, state: 'quarantined' }
        : entry,
    );
  }

  /** A decision may end a quarantine, or begin one. */
  function review(owner: string, server: Server): void {
    server.stale = false;
    const watched = mode(owner);
    if (servers.get(owner) !== server || watched === undefined) return;
    const next = standingsOf(owner, server, watched);
    const isQuarantined = (standings: Server['standings'], tool: string): boolean =>
      standings.get(tool)?.quarantined ?? false;
    const turned = server.entries.some(
      ({ name }) => isQuarantined(next, name) !== isQuarantined(server.standings, name),
    );
    if (turned) put(owner, server.entries);
    else server.standings = next;
    if (!server.recording) void record(owner, server);
  }

  function announce(name: string, { standings, said }: Server): void {
    for (const [tool, { offered, findings, quarantined }] of standings) {
      if (findings.length === 0 || said.has(tool) || said.size >= MAX_PINS) continue;
      said.add(tool);
      const fields = { server: name, tool: visible(tool.slice(0, 100)), digest: offered.digest, findings };
      if (!findings.some(isGrave)) log('info', 'a tool is named almost like another', fields);
      else if (quarantined) log('warn', 'a tool is quarantined; "aip mcp pin" agrees to it', fields);
      else log('warn', 'a tool is not as it was pinned, or suspicious', fields);
    }
  }

  // ── putting it on record ───────────────────────────────────────────────────────────────────────────

  /** First sights are pinned, and each quarantine is noted once; one commit after the other. */
  async function record(owner: string, server: Server): Promise<void> {
    server.recording = true;
    let refusals = 0;
    for (;;) {
      const due = [...server.standings.values()].flatMap((standing) => entryDue(standing, server.seen)).slice(0, BATCH);
      if (due.length === 0 || refusals > 1 || servers.get(owner) !== server) break;
      const verdict = await journal.commit({ tenant: DEFAULT_TENANT, entries: due });
      // Somebody else was first: what is due then is looked at once more. A log that cannot be written waits for the next listing.
      refusals = verdict.ok ? 0 : refusals + 1;
    }
    server.recording = false;
  }

  function entryDue({ offered, findings, quarantined }: Standing, seen: Server['seen']): EntryDraft[] {
    const row = rows.get(pinKey(offered.server, offered.tool));
    const first = seen.get(offered.tool);
    if (!row && first) return [pinEntry(first, FIRST_SIGHT)];
    if (!quarantined || row?.quarantined || row?.rejected || findings.some(({ kind }) => kind === 'too-many'))
      return [];
    const { server, tool, digest, definition } = offered;
    const kinds = [...new Set(findings.filter(isGrave).map(({ kind }) => kind))];
    return [
      {
        kind: 'mcp.quarantine',
        head: { server, tool, digest, findings: kinds },
        body: JSON.stringify(definition),
      },
    ];
  }

  function pinEntry({ server, tool, digest, shape, definition }: Offered, by: string): EntryDraft {
    return {
      kind: 'mcp.pin',
      head: { server, tool, digest, by, ...(shape === undefined ? {} : { shape }) },
      body: JSON.stringify(definition),
    };
  }

  // ── what operators see ─────────────────────────────────────────────────────────────────────────────

  function pinnedDefinition(row: PinRow | undefined): Json | undefined {
    const entry = row?.entry === undefined ? undefined : journal.read.entry(DEFAULT_TENANT, row.entry);
    const body = entry && journal.read.body(entry);
    return body === undefined ? undefined : parseJson(body);
  }

  const standingOf = (server: string, tool: string): Standing | undefined => servers.get(server)?.standings.get(tool);

  function viewOf(server: string, tool: string): PinView {
    const row = rows.get(pinKey(server, tool));
    const standing = standingOf(server, tool);
    const time = (at: number): string => new Date(at).toISOString();
    return {
      server,
      tool,
      state: row?.rejected
        ? 'rejected'
        : standing?.quarantined
          ? 'quarantined'
          : !row
            ? 'unpinned'
            : standing
              ? 'pinned'
              : 'gone',
      ...(standing ? { digest: standing.offered.digest } : {}),
      ...(row?.digest === undefined ? {} : { pinned: row.digest }),
      ...(row?.at === undefined ? {} : { pinned_at: time(row.at) }),
      ...(row?.by === undefined ? {} : { pinned_by: row.by }),
      ...(row?.quarantined ? { quarantined_at: time(row.quarantined.at) } : {}),
      ...(row?.rejected ? { rejected_by: row.rejected.by } : {}),
      findings: standing?.findings ?? [],
    };
  }

  return {
    vet,
    pinEntry,
    list(server) {
      const names = new Map<string, { server: string; tool: string }>();
      for (const [key, row] of rows) names.set(key, row);
      for (const { standings } of servers.values())
        for (const { offered } of standings.values()) names.set(pinKey(offered.server, offered.tool), offered);
      return [...names]
        .filter(([, named]) => server === undefined || named.server === server)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([, named]) => viewOf(named.server, named.tool));
    },
    changes: (server, tool) =>
      changesBetween(
        pinnedDefinition(rows.get(pinKey(server, tool))) ?? {},
        standingOf(server, tool)?.offered.definition ?? {},
      ),
    undecided(server, tool) {
      const standings = servers.get(server)?.standings;
      const chosen =
        tool === undefined
          ? [...(standings?.values() ?? [])].filter(isUndecided)
          : [standings?.get(tool)].filter((standing) => standing !== undefined);
      if (chosen.length > 0) return chosen.map(({ offered }) => offered);
      throw new AipError(
        'NOT_FOUND',
        tool === undefined
          ? `No tool of ${server.slice(0, 64)} is quarantined.`
          : `${server.slice(0, 64)} offers no tool ${tool.slice(0, 100)} now, or is not watched.`,
      );
    },
    agreed({ server, tool, digest }) {
      const row = rows.get(pinKey(server, tool));
      return row?.digest === digest && !row.rejected && !row.quarantined;
    },
    knows: (server, tool) =>
      rows.has(pinKey(server, tool)) ||
      (servers.get(server)?.entries.some(({ kind, name }) => kind === 'tool' && name === tool) ?? false),
    quarantined: () =>
      [...servers.values()].reduce(
        (sum, { standings }) => sum + [...standings.values()].filter((standing) => standing.quarantined).length,
        0,
      ),
  };
}
