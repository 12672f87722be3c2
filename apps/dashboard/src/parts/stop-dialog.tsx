import { useCallback, useId, useMemo, useState, type FormEvent } from 'react';
import { api, type Agent, type StopMode } from '../api.ts';
import { plural, protocolName, scopeName } from '../format.ts';
import { useAction, useLive } from '../live.tsx';
import { go } from '../route.ts';
import { Dialog } from './dialog.tsx';
import { useNotify } from './notice.tsx';
import { Problem } from './page.tsx';
import { ReasonField } from './reason-field.tsx';

type Mode = Exclude<StopMode, 'quarantine'>;

const KINDS = {
  global: 'Everything',
  agent: 'An agent',
  capability: 'A capability',
  server: 'A tool server',
  protocol: 'A protocol',
} as const;
type Kind = keyof typeof KINDS;

const WHAT: Record<Mode, { label: string; effect: string }> = {
  kill: { label: 'Kill', effect: 'Closes sessions, cancels tasks in flight, refuses everything until you release it.' },
  pause: { label: 'Pause', effect: 'Refuses new calls; tasks in flight may end by themselves.' },
};

/** Chooses what to stop and how, and stops it. `scope` and `mode` are where the choice starts. */
export function StopDialog({ scope, mode = 'kill', onClose }: { scope: string; mode?: Mode; onClose: () => void }) {
  const { names, agents } = useLive();
  const notify = useNotify();
  const [chosen, setChosen] = useState(scope);
  const [how, setHow] = useState<Mode>(mode);
  const [reason, setReason] = useState('');
  const id = useId();
  const stop = useAction(
    useCallback(async () => {
      const result = await api.stop(how, chosen, reason.trim());
      const done = how === 'kill' ? 'killed' : 'paused';
      const what = scopeName(result.scope, names);
      notify(
        `${what} ${done}. ${plural(result.sessions_closed, 'session')} closed, ${plural(result.tasks_stopped, 'task')} stopped.`,
      );
      onClose();
      go('stops');
    }, [how, chosen, reason, names, notify, onClose]),
  );
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    stop.run();
  };

  return (
    <Dialog title="Kill or pause" onClose={onClose}>
      <form onSubmit={submit} className="stack">
        <ScopePicker scope={chosen} onChange={setChosen} agents={agents.data ?? []} />
        <fieldset className="choices">
          <legend>How</legend>
          {(['kill', 'pause'] as const).map((value) => (
            <label key={value} className="choice">
              <input type="radio" name={`${id}-how`} checked={how === value} onChange={() => setHow(value)} />
              <span>
                <strong>{WHAT[value].label}</strong> {WHAT[value].effect}
              </span>
            </label>
          ))}
        </fieldset>
        <ReasonField value={reason} onChange={setReason} />
        <Problem error={stop.error} />
        <div className="buttons">
          <button type="submit" className="danger" disabled={stop.busy || chosen.endsWith(':')}>
            {WHAT[how].label} {chosen === 'global' ? 'everything' : scopeName(chosen, names)}
          </button>
          <button type="button" className="quiet" onClick={onClose}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function ScopePicker({
  scope,
  onChange,
  agents,
}: {
  scope: string;
  onChange: (scope: string) => void;
  agents: readonly Agent[];
}) {
  const id = useId();
  const colon = scope.indexOf(':');
  const kind = (colon < 0 ? 'global' : scope.slice(0, colon)) as Kind;
  const item = colon < 0 ? '' : scope.slice(colon + 1);
  const options = useMemo(() => optionsOf(kind, agents), [kind, agents]);
  const choose = (next: Kind): void =>
    onChange(next === 'global' ? 'global' : `${next}:${optionsOf(next, agents)[0]?.value ?? ''}`);

  return (
    <div className="field-row">
      <div className="field">
        <label htmlFor={`${id}-kind`}>What</label>
        <select id={`${id}-kind`} value={kind} onChange={(event) => choose(event.target.value as Kind)}>
          {Object.entries(KINDS).map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      </div>
      {kind !== 'global' && (
        <div className="field">
          <label htmlFor={`${id}-item`}>Which</label>
          {options.length === 0 ? (
            <input
              id={`${id}-item`}
              value={item}
              onChange={(event) => onChange(`${kind}:${event.target.value.trim()}`)}
              autoComplete="off"
            />
          ) : (
            <select id={`${id}-item`} value={item} onChange={(event) => onChange(`${kind}:${event.target.value}`)}>
              {options.map(({ value, label }) => (
                <option key={value} value={value}>
                  {label}
                </option>
              ))}
            </select>
          )}
        </div>
      )}
    </div>
  );
}

/** What can be chosen from; where nothing is known (tool servers), it is typed. */
function optionsOf(kind: Kind, agents: readonly Agent[]): { value: string; label: string }[] {
  if (kind === 'agent') return agents.map(({ did, name }) => ({ value: did, label: name }));
  if (kind === 'protocol')
    return ['ioap', 'mcp', 'a2a', 'http'].map((value) => ({ value, label: protocolName(value) }));
  if (kind !== 'capability') return [];
  const names = new Set(agents.flatMap(({ capabilities }) => capabilities.map(({ name }) => name)));
  return [...names].toSorted().map((name) => ({ value: name, label: name }));
}
