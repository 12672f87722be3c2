import { isJsonObject, type Json, type JsonObject } from '@aip/wire';
import { useEffect, useId, useMemo, useRef, useState, type FormEvent } from 'react';
import type { Tool } from '../api.ts';
import { followCall, type CallState } from '../call.ts';
import { plural, pretty } from '../format.ts';
import { useLive } from '../live.tsx';
import { argumentsOf, draftOf, formOf, jsonArguments, type Problems } from '../tool-form.ts';
import { CallOutcome } from './call-outcome.tsx';
import { ToolFields } from './tool-fields.tsx';

const NOTHING: JsonObject = {};

/** Calls a tool as whoever is logged in here, past the same guards as everybody, and shows what comes of it. */
export function TryTool({ tool }: { tool: Tool }) {
  const { me, log } = useLive();
  const form = useMemo(() => formOf(tool.input_schema), [tool.input_schema]);
  const hasForm = form.fields.length > 0;
  const fixed = tool.fixed ?? NOTHING;
  const [draft, setDraft] = useState(() => draftOf(form));
  const [json, setJson] = useState(hasForm || takesNothing(tool.input_schema) ? undefined : '');
  const [problems, setProblems] = useState<Problems>(new Map());
  const [call, setCall] = useState<CallState & { since: number }>();
  const running = useRef<AbortController>(undefined);
  const id = useId();
  useEffect(() => () => running.current?.abort(), []);

  const read = (found: Map<string, string>): JsonObject =>
    json === undefined ? argumentsOf(form, draft, found) : jsonArguments(json, found);

  function submit(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault();
    const found = new Map<string, string>();
    const args = read(found);
    const clash = Object.keys(fixed).find((name) => Object.hasOwn(args, name));
    if (clash !== undefined) found.set('', `"${clash}" has the same value in every call.`);
    setProblems(found);
    if (found.size > 0) {
      // The first field that is wrong, once it is marked as such.
      const element = event.currentTarget;
      requestAnimationFrame(() => element.querySelector<HTMLElement>('[aria-invalid=true]')?.focus());
      return;
    }
    running.current?.abort();
    const controller = (running.current = new AbortController());
    const since = log.size;
    void followCall(
      tool.address,
      { ...args, ...fixed },
      (state) => {
        if (!controller.signal.aborted) setCall({ ...state, since });
      },
      controller.signal,
    );
  }

  function cancel(): void {
    running.current?.abort();
    setCall(undefined);
  }

  /** Takes along what has been typed, either way. */
  function switchForm(): void {
    setProblems(new Map());
    if (json === undefined) setJson(pretty(argumentsOf(form, draft, new Map())));
    else {
      setDraft(draftOf(form, jsonArguments(json, new Map())));
      setJson(undefined);
    }
  }

  const busy = call !== undefined && (call.state === 'sending' || call.state === 'working');
  return (
    <section className="section try" aria-label={`Try ${tool.name}`}>
      <h2>{tool.title ?? tool.name}</h2>
      {tool.description !== '' && <p className="muted">{tool.description}</p>}
      <p className="muted">
        You call <code>{tool.address}</code> as {me?.name ?? 'yourself'}: the same rules hold, it is on record
        {tool.price > 0 && `, and it costs ${plural(tool.price, 'unit')}`}.
      </p>
      {Object.keys(fixed).length > 0 && (
        <p className="muted">
          What goes along with every call: <code>{JSON.stringify(fixed)}</code>
        </p>
      )}
      {tool.state === 'quarantined' && (
        <p className="problem">It is quarantined: calls are refused until somebody agrees to what it is now.</p>
      )}
      <form onSubmit={submit} className="stack" noValidate>
        {json === undefined && hasForm && (
          <ToolFields fields={form.fields} path="" draft={draft} problems={problems} onChange={setDraft} />
        )}
        {json === undefined && !hasForm && <p className="muted">It takes no arguments.</p>}
        {json !== undefined && (
          <div className="field">
            <label htmlFor={`${id}-json`}>Arguments as JSON</label>
            <textarea
              id={`${id}-json`}
              className="mono"
              rows={6}
              value={json}
              placeholder="{}"
              aria-invalid={problems.has('')}
              aria-describedby={problems.has('') ? `${id}-problem` : undefined}
              onChange={(event) => setJson(event.target.value)}
              spellCheck={false}
            />
            {problems.has('') && (
              <p id={`${id}-problem`} className="field-problem">
                {problems.get('')}
              </p>
            )}
          </div>
        )}
        <div className="buttons">
          <button type="submit" className="primary" disabled={busy}>
            Call {tool.name}
          </button>
          {busy && (
            <button type="button" onClick={cancel}>
              Cancel
            </button>
          )}
          {(hasForm || takesNothing(tool.input_schema)) && (
            <button type="button" className="quiet" onClick={switchForm}>
              {json === undefined ? 'Type JSON instead' : 'Back to the form'}
            </button>
          )}
        </div>
      </form>
      <output className="outcome">{call && <CallOutcome call={call} tool={tool} />}</output>
    </section>
  );
}

/** An object without properties, as servers describe tools that need nothing. */
function takesNothing(schema: Json = {}): boolean {
  if (!isJsonObject(schema)) return false;
  const { type = 'object', properties = {}, $schema: _dialect, additionalProperties: _more, ...rest } = schema;
  return type === 'object' && Object.keys(properties as JsonObject).length === 0 && Object.keys(rest).length === 0;
}
