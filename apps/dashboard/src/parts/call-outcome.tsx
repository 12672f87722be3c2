import { canonicalJson, isJsonObject, type Json, type JsonObject } from '@aip/wire';
import { useCallback } from 'react';
import { api, type Tool } from '../api.ts';
import type { CallState } from '../call.ts';
import { count, entryNumber, plural, withNames } from '../format.ts';
import { useLive, useResource } from '../live.tsx';
import { linkTo } from '../route.ts';
import { Badge } from './badge.tsx';
import { Code, JsonText } from './json.tsx';
import { LoginPanel } from './login-panel.tsx';

/** How a call goes and what it has come to; `since` is the size of the log when it was sent. */
export function CallOutcome({ call, tool }: { call: CallState & { readonly since: number }; tool: Tool }) {
  const { names } = useLive();
  const { state, error, result, progress, message, ask } = call;
  const failed = state === 'done' && isJsonObject(result ?? null) && (result as JsonObject)['isError'] === true;
  const wantsLogin = error?.code === 'REAUTHORISE' ? error.details?.['server'] : undefined;
  return (
    <div className="stack">
      <p className="outcome-head">
        <Badge tone={failed ? 'bad' : TONES[state]}>{failed ? 'the tool says it failed' : LABELS[state]}</Badge>
        {call.took !== undefined && <span className="muted number">{count(Math.round(call.took))} ms</span>}
      </p>
      {(state === 'sending' || state === 'working') && (
        <div className="progress">
          <progress
            aria-label="Progress"
            {...(progress?.total === undefined ? {} : { max: progress.total, value: progress.done })}
          />
          {message !== undefined && <p className="muted">{message}</p>}
        </div>
      )}
      {state === 'asked' && ask && <Asked ask={ask} task={call.task} />}
      {error && (
        <p className="problem" role="alert">
          <strong>{error.code}</strong> {withNames(error.message, names)}
        </p>
      )}
      {typeof wantsLogin === 'string' && <LoginPanel name={wantsLogin} />}
      {result !== undefined && <Result value={result} />}
      <Record call={call} tool={tool} />
    </div>
  );
}

const LABELS: Record<CallState['state'], string> = {
  sending: 'sending',
  working: 'working',
  asked: 'waits for an answer',
  done: 'done',
  failed: 'failed',
  refused: 'refused',
};
const TONES = { sending: 'busy', working: 'busy', asked: 'wait', done: 'good', failed: 'bad', refused: 'bad' } as const;

function Asked({ ask, task }: { ask: NonNullable<CallState['ask']>; task: string | undefined }) {
  if (ask.kind !== 'approval')
    return (
      <p>
        The server asks something back ({ask.kind}) that only an MCP client can answer.{' '}
        {task !== undefined && <a href={linkTo('task', task)}>See what it asks</a>}
      </p>
    );
  return (
    <p>
      A person has to agree first. <a href={linkTo('approvals', ask.id)}>Open the approval</a>; the call goes on by
      itself, also if you leave this page.
    </p>
  );
}

/** What a tool has answered: texts, images and structured content of MCP, or any JSON. */
function Result({ value }: { value: Json }) {
  const content =
    isJsonObject(value) && Array.isArray(value['content']) ? value['content'].filter(isJsonObject) : undefined;
  if (!content)
    return typeof value === 'string' ? <Code text={value} label="Result" /> : <JsonText value={value} label="Result" />;
  const structured = (value as JsonObject)['structuredContent'];
  const blocks = content.filter((block) => structured === undefined || !says(block, structured));
  return (
    <>
      {blocks.map((block, index) => (
        <Block key={index} block={block} label={blocks.length === 1 ? 'Result' : `Result, part ${index + 1}`} />
      ))}
      {structured !== undefined && (
        <>
          <h3 className="label">Structured content</h3>
          <JsonText value={structured} label="Structured content" />
        </>
      )}
      {content.length === 0 && structured === undefined && <p className="muted">The tool returned nothing.</p>}
    </>
  );
}

/** Whether it is the structured content once more as a text, which MCP asks tools for on account of older clients. */
function says({ type, text }: JsonObject, structured: Json): boolean {
  if (type !== 'text' || typeof text !== 'string') return false;
  try {
    return canonicalJson(JSON.parse(text)) === canonicalJson(structured);
  } catch {
    return false;
  }
}

/** Images that a browser shows without running anything. */
const IMAGE = /^image\/(?:png|jpeg|gif|webp|avif)$/;

function Block({ block, label }: { block: JsonObject; label: string }) {
  const { type, text, data, mimeType, uri, name, resource } = block;
  if (typeof text === 'string') return <Code text={text} label={label} />;
  if (type === 'image' && typeof data === 'string' && typeof mimeType === 'string' && IMAGE.test(mimeType))
    return <img className="result-image" src={`data:${mimeType};base64,${data}`} alt={label} />;
  if (isJsonObject(resource) && typeof resource['text'] === 'string')
    return <Code text={resource['text']} label={label} />;
  if (typeof data === 'string')
    return (
      <p className="muted">
        {typeof mimeType === 'string' ? mimeType : 'Data'}, {count(Math.ceil((data.length * 3) / 4))} bytes.
      </p>
    );
  if (type === 'resource_link')
    return (
      <p>
        {typeof name === 'string' ? name : 'Resource'} <code>{typeof uri === 'string' ? uri : ''}</code>
      </p>
    );
  return <JsonText value={block} label={label} />;
}

/** What it has cost, and where it stands in the log. */
function Record({ call, tool }: { call: CallState & { readonly since: number }; tool: Tool }) {
  const { log, me } = useLive();
  const { task, state } = call;
  const ended = state === 'done' || state === 'failed';
  const price = useResource(
    useCallback(async () => (task === undefined ? 0 : (await api.task(task)).task.price), [task]),
    ended ? 1 : 0,
  );
  const own = log.entries.filter((entry) =>
    task === undefined
      ? state === 'refused' &&
        entry.kind === 'deny' &&
        entry.seq >= call.since &&
        entry.head['to'] === tool.address &&
        entry.head['from'] === me?.id
      : entry.task === task,
  );
  // The newest comes first; of a refusal it is the only one.
  const entries = task === undefined ? own.slice(-1) : own.toReversed();
  const policies = entries.flatMap(({ head }) => (Array.isArray(head['policies']) ? head['policies'] : []));
  return (
    <dl className="facts record">
      {ended && price.data !== undefined && (
        <div>
          <dt>Cost</dt>
          <dd className="number">{price.data === 0 ? 'nothing' : plural(price.data, 'unit')}</dd>
        </div>
      )}
      {policies.length > 0 && (
        <div>
          <dt>{policies.length === 1 ? 'Policy' : 'Policies'}</dt>
          <dd>
            <code>{[...new Set(policies.map(String))].join(', ')}</code>
          </dd>
        </div>
      )}
      {entries.length > 0 && (
        <div>
          <dt>In the log</dt>
          <dd className="entry-links">
            {entries.map(({ seq, kind }) => (
              <a key={seq} href={linkTo('audit', seq)}>
                <span className="number">{entryNumber(seq)}</span> {kind}
              </a>
            ))}
          </dd>
        </div>
      )}
      {task !== undefined && (
        <div>
          <dt>Task</dt>
          <dd>
            <a href={linkTo('task', task)}>{task.slice(0, 8)}</a>
          </dd>
        </div>
      )}
    </dl>
  );
}
