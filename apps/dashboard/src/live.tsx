import { toAipError, type AipError } from '@aip/wire';
import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from 'react';
import {
  api,
  type Agent,
  type Ask,
  type AuditHead,
  type Budget,
  type Me,
  type PendingAgent,
  type Pin,
  type PolicyState,
  type Stop,
} from './api.ts';
import { followLog, type FeedStatus, type LogEntry } from './feed.ts';
import type { Names } from './format.ts';
import { BACKFILL, EMPTY_VIEW, withEntries, withSnapshot, type LogView } from './log-view.ts';

/** Something read from the platform; the last good answer stays while the next one is on its way. */
export interface Resource<T> {
  readonly data: T | undefined;
  readonly error: AipError | undefined;
}

/** Everything that more than one page shows. */
export interface Live {
  readonly status: FeedStatus;
  /** The gateway's DID, which signs checkpoints. */
  readonly gateway: string;
  readonly log: LogView;
  readonly agents: Resource<readonly Agent[]>;
  readonly pending: Resource<readonly PendingAgent[]>;
  readonly asks: Resource<readonly Ask[]>;
  readonly stops: Resource<readonly Stop[]>;
  readonly budgets: Resource<readonly Budget[]>;
  /** Tools that nobody has decided about since they changed; no data for whom the policies do not show them. */
  readonly quarantine: Resource<readonly Pin[] | undefined>;
  /** Servers and sources that are not as they should be, by name; no data for whom the policies do not show them. */
  readonly failing: Resource<readonly string[] | undefined>;
  /** Whether the policy files are in force; no data for whom the policies do not show them. */
  readonly policies: Resource<PolicyState | undefined>;
  readonly names: Names;
  /** Who looks at this; undefined where the policies do not say. */
  readonly me: Me | undefined;
  /** Whether an operation may be offered. */
  readonly may: (operation: string) => boolean;
}

const LiveContext = createContext<Live | undefined>(undefined);

export function useLive(): Live {
  const live = useContext(LiveContext);
  if (!live) throw new Error('useLive is for components inside Live.');
  return live;
}

/** Entries are shown in batches this far apart, in milliseconds. */
const FLUSH = 150;
/**
 * Between two readings of a subject, in milliseconds: at first the short one, so that somebody sees at once what they
 * have done; twice that with every reading that follows, up to the long one, for a subject that changes all the time.
 */
const FIRST_INTERVAL = 100;
const LONGEST_INTERVAL = 1_000;
/**
 * Between two looks at the servers, the quarantine and the policies, in milliseconds: how a server is, that it is back, and
 * what somebody has done to a file is in no log. Each look is in it, so nobody looks at a page that is not seen.
 */
const LOOK = 60_000;

const UNKNOWN = (): Promise<undefined> => Promise.resolve(undefined);

export function LiveProvider({
  head,
  me,
  onSignedOut,
  children,
}: {
  head: AuditHead;
  me: Me | undefined;
  onSignedOut: () => void;
  children: ReactNode;
}) {
  const { log, status } = useLog(head.size);
  useEffect(() => {
    if (status === 'signed out') onSignedOut();
  }, [status, onSignedOut]);
  const { gateway } = head;
  const { revisions } = log;
  const permitted = useMemo(() => (me === undefined ? undefined : new Set(me.operations)), [me]);
  const may = useCallback((operation: string) => permitted?.has(operation) ?? true, [permitted]);
  const agents = useResource(api.agents, revisions.agents);
  const pending = useResource(api.pendingAgents, revisions.agents);
  const asks = useResource(api.asks, revisions.asks);
  const stops = useResource(api.stops, revisions.stops);
  const budgets = useResource(api.budgets, revisions.budgets);
  const looks = useLooks();
  const look = revisions.servers + looks;
  const quarantine = useResource<readonly Pin[] | undefined>(may('mcp.pins') ? api.quarantine : UNKNOWN, look);
  const failing = useResource<readonly string[] | undefined>(
    may('mcp.list') && may('sources.list') ? api.failing : UNKNOWN,
    look,
  );
  const policies = useResource<PolicyState | undefined>(
    may('policies.list') ? api.policyState : UNKNOWN,
    revisions.policies + looks,
  );
  const names = useMemo(() => new Map((agents.data ?? []).map(({ did, name }) => [did, name])), [agents.data]);
  const live = useMemo(
    () => ({
      status,
      gateway,
      log,
      agents,
      pending,
      asks,
      stops,
      budgets,
      quarantine,
      failing,
      policies,
      names,
      me,
      may,
    }),
    [status, gateway, log, agents, pending, asks, stops, budgets, quarantine, failing, policies, names, me, may],
  );
  return <LiveContext value={live}>{children}</LiveContext>;
}

function useLog(sizeAtStart: number): { log: LogView; status: FeedStatus } {
  const [log, setLog] = useState<LogView>({ ...EMPTY_VIEW, known: sizeAtStart });
  const [status, setStatus] = useState<FeedStatus>('connecting');

  useEffect(() => {
    const controller = new AbortController();
    let waiting: LogEntry[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const flush = (): void => {
      const entries = waiting;
      waiting = [];
      timer = undefined;
      setLog((view) => withEntries(view, entries));
    };
    const listener = {
      status: setStatus,
      entries(entries: readonly LogEntry[]) {
        waiting.push(...entries);
        timer ??= setTimeout(flush, FLUSH);
      },
      snapshot(seq: number, missed: number) {
        flush();
        setLog((view) => withSnapshot(view, seq, missed));
      },
    };
    void followLog(Math.max(-1, sizeAtStart - BACKFILL), listener, controller.signal);
    return () => {
      controller.abort();
      clearTimeout(timer);
    };
  }, [sizeAtStart]);

  return { log, status };
}

/** Reads when shown, and again when `revision` changes, at most once a second for long; `load` must be stable. */
export function useResource<T>(load: () => Promise<T>, revision: number): Resource<T> {
  const [resource, setResource] = useState<Resource<T>>({ data: undefined, error: undefined });
  const [scheduler] = useState(createScheduler);

  useEffect(() => {
    scheduler.open();
    return () => scheduler.close();
  }, [scheduler]);

  useEffect(() => {
    scheduler.request(async () => {
      try {
        const data = await load();
        return () => setResource({ data, error: undefined });
      } catch (thrown) {
        return () => setResource((known) => ({ ...known, error: toAipError(thrown) }));
      }
    });
    // oxlint-disable-next-line react/exhaustive-effect-dependencies -- a new revision is the reason to read again
  }, [scheduler, load, revision]);

  return resource;
}

/** Runs the latest request: at once after a pause, else when the interval is over; never two at a time. */
function createScheduler() {
  let open = true;
  let wanted: (() => Promise<() => void>) | undefined;
  let running = false;
  let last = Number.NEGATIVE_INFINITY;
  let interval = FIRST_INTERVAL;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function run(): Promise<void> {
    timer = undefined;
    const task = wanted;
    if (!task || running || !open) return;
    wanted = undefined;
    running = true;
    const now = performance.now();
    interval = now - last > 2 * LONGEST_INTERVAL ? FIRST_INTERVAL : Math.min(LONGEST_INTERVAL, 2 * interval);
    last = now;
    const show = await task();
    running = false;
    if (!open) return;
    // A request for something else has come meanwhile: its answer is the one to show.
    show();
    if (wanted) schedule();
  }

  function schedule(): void {
    timer ??= setTimeout(() => void run(), Math.max(0, last + interval - performance.now()));
  }

  return {
    open: () => void (open = true),
    close() {
      open = false;
      clearTimeout(timer);
      timer = undefined;
    },
    request(task: () => Promise<() => void>) {
      wanted = task;
      if (!running) schedule();
    },
  };
}

/** The time, for countdowns and "5 s ago"; `interval` in milliseconds. */
export function useNow(interval = 1_000): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), interval);
    return () => clearInterval(timer);
  }, [interval]);
  return now;
}

/** Counts up with every interval in which the page is seen, and when it is seen again after one. */
function useLooks(): number {
  const [looks, setLooks] = useState(0);
  useEffect(() => {
    let last = performance.now();
    const look = (): void => {
      if (document.hidden || performance.now() - last < LOOK / 2) return;
      last = performance.now();
      setLooks((count) => count + 1);
    };
    const timer = setInterval(look, LOOK);
    document.addEventListener('visibilitychange', look);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', look);
    };
  }, []);
  return looks;
}

/** Something the user does: busy while it runs, and what went wrong. */
export function useAction<Args extends readonly unknown[]>(action: (...args: Args) => Promise<void>) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<AipError>();
  const run = useCallback(
    async (...args: Args) => {
      setBusy(true);
      setError(undefined);
      try {
        await action(...args);
      } catch (thrown) {
        setError(toAipError(thrown));
      } finally {
        setBusy(false);
      }
    },
    [action],
  );
  return { busy, error, run: (...args: Args) => void run(...args) };
}
