import type { Server } from '@modelcontextprotocol/server';
import type { Directory, ListKind, Scope } from './directory.ts';

/** Changes within this time are told once, in milliseconds. */
const WINDOW = 50;

/** Tells a connected client which of its lists has changed; one that listens to nothing is not bothered. */
export function announce(server: Server, scope: Scope, lists: ReadonlySet<ListKind>): void {
  const send: Record<ListKind, () => Promise<void>> = {
    tools: () => server.sendToolListChanged(),
    resources: () => server.sendResourceListChanged(),
    prompts: () => server.sendPromptListChanged(),
  };
  for (const list of lists) {
    if (scope.kind !== 'agent' || list === 'tools') send[list]().catch(() => {});
  }
}

/** Calls back once for a burst of changes of one owner. */
export function onSettledChange(
  directory: Directory,
  listener: (owner: string, lists: ReadonlySet<ListKind>) => void,
): () => void {
  const waiting = new Map<string, { lists: Set<ListKind>; timer: NodeJS.Timeout }>();
  const unfollow = directory.onChange((owner, lists) => {
    const pending = waiting.get(owner);
    if (pending) {
      for (const list of lists) pending.lists.add(list);
      return;
    }
    const timer = setTimeout(() => {
      const settled = waiting.get(owner);
      waiting.delete(owner);
      if (settled) listener(owner, settled.lists);
    }, WINDOW);
    waiting.set(owner, { lists: new Set(lists), timer });
  });
  return () => {
    unfollow();
    for (const { timer } of waiting.values()) clearTimeout(timer);
    waiting.clear();
  };
}
