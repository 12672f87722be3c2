import { AipError, type Json } from '@aip/wire';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import type { Entry, EntryDraft } from '../../kernel/entry.ts';
import type { Journal } from '../../kernel/journal.ts';
import { DEFAULT_TENANT } from '../../kernel/principal.ts';
import { changesBetween, type Change } from './changes.ts';
import { FIRST_SIGHT, pinDecider, pinKey, type PinRow } from './decider.ts';
import { entryDue, oneGroup } from './entries.ts';
import { visible } from './hidden.ts';
import { isGrave, type Offered } from './judge.ts';
import { openPinRows, type Named } from './pin-rows.ts';
import { isUndecided, MAX_PINS, standingsOf, type PinMode, type Sight, type Standing } from './standing.ts';
import { viewOf, type PinView } from './view.ts';

/** What is pinned, and what of it is offered now. */
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
  /** Whether there is such a server: one whose tools are watched, or were. */
  knowsServer(server: string): boolean;
  /** Whether an operator has refused it, whatever it becomes. */
  rejected(server: string, tool: string): boolean;
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

interface Server extends Sight {
  entries: readonly CatalogueEntry[];
  standings: ReadonlyMap<string, Standing>;
  recording: boolean;
  stale: boolean;
  /** Tools the log has been told about; once each, until somebody decides. */
  readonly said: Set<string>;
}

/** What was only put on record is known already; unless the tool has changed meanwhile. */
const isExpected = ({ kind, head }: Entry, standing: Standing | undefined): boolean =>
  kind === 'mcp.quarantine' || (head['by'] === FIRST_SIGHT && head['digest'] === standing?.offered.digest);

export function createPinBook({ journal, mode, put, log }: PinBookOptions): PinBook {
  const rows = openPinRows(journal.read);
  const servers = new Map<string, Server>();
  journal.follow(pinDecider.kinds, (entry) => {
    if (entry.tenant === DEFAULT_TENANT && rows.follow(entry)) decided(entry);
  });

  function decided(entry: Entry): void {
    const { server: name, tool } = entry.head as { server: string; tool: string };
    const server = servers.get(name);
    if (!server) return;
    if (rows.get(name, tool)) server.seen.delete(tool);
    if (server.stale || isExpected(entry, server.standings.get(tool))) return;
    server.said.delete(tool);
    server.stale = true;
    queueMicrotask(() => review(name, server));
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
    server.standings = standingsOf(owner, server, watched, rows);
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
    const next = standingsOf(owner, server, watched, rows);
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

  /** First sights are pinned, and each quarantine is noted once; one commit after the other. */
  async function record(owner: string, server: Server): Promise<void> {
    server.recording = true;
    let refusals = 0;
    while (refusals < 2 && servers.get(owner) === server) {
      const entries = oneGroup(due(owner, server));
      if (entries.length === 0) break;
      const verdict = await journal.commit({ tenant: DEFAULT_TENANT, entries });
      // Somebody else was first: what is due then is looked at once more. A log that cannot be written waits for the next listing.
      refusals = verdict.ok ? 0 : refusals + 1;
    }
    server.recording = false;
  }

  function* due(owner: string, { standings, seen }: Server): Iterable<EntryDraft> {
    for (const [tool, standing] of standings) {
      const entry = entryDue(standing, rows.get(owner, tool), seen.get(tool));
      if (entry) yield entry;
    }
  }

  function pinnedDefinition(row: PinRow | undefined): Json | undefined {
    const entry = row?.entry === undefined ? undefined : journal.read.entry(DEFAULT_TENANT, row.entry);
    const body = entry && journal.read.body(entry);
    // Our own text, however large its definition was.
    return body === undefined ? undefined : (JSON.parse(body) as Json);
  }

  const standingOf = (server: string, tool: string): Standing | undefined => servers.get(server)?.standings.get(tool);

  return {
    vet,
    list(server) {
      const offered = [...servers.values()].flatMap(({ standings }) =>
        [...standings.values()].map((one) => one.offered),
      );
      const named = new Map<string, Named>(
        [...rows.all(), ...offered].map((one) => [pinKey(one.server, one.tool), one]),
      );
      return [...named]
        .filter(([, one]) => server === undefined || one.server === server)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([, one]) => viewOf(one, rows.get(one.server, one.tool), standingOf(one.server, one.tool)));
    },
    changes: (server, tool) =>
      changesBetween(
        pinnedDefinition(rows.get(server, tool)) ?? {},
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
      const row = rows.get(server, tool);
      return row?.digest === digest && !row.rejected && !row.quarantined;
    },
    knows: (server, tool) =>
      rows.get(server, tool) !== undefined ||
      (servers.get(server)?.entries.some(({ kind, name }) => kind === 'tool' && name === tool) ?? false),
    knowsServer: (server) => mode(server) !== undefined || rows.count(server) > 0,
    rejected: (server, tool) => rows.get(server, tool)?.rejected !== undefined,
    quarantined: () =>
      [...servers.values()].reduce(
        (sum, { standings }) => sum + [...standings.values()].filter((standing) => standing.quarantined).length,
        0,
      ),
  };
}
