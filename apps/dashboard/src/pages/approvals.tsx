import { useCallback, useEffect, useId, useRef, useState } from 'react';
import { api, type Ask } from '../api.ts';
import { ago, countdown, millis, nameOf, plural, target, units } from '../format.ts';
import { useAction, useLive, useNow } from '../live.tsx';
import { JsonText } from '../parts/json.tsx';
import { useNotify } from '../parts/notice.tsx';
import { Empty, Loaded, Page, Problem } from '../parts/page.tsx';
import { ReasonField } from '../parts/reason-field.tsx';
import { linkTo } from '../route.ts';

/** Less time left than this is shown as urgent, in milliseconds. */
const SOON = 60_000;

export function ApprovalsPage({ item }: { item: string | undefined }) {
  const { asks } = useLive();
  const open = asks.data?.length ?? 0;
  return (
    <Page name="Approvals" title={open === 0 ? 'Approvals' : `${plural(open, 'call waits', 'calls wait')} for you`}>
      <Loaded from={asks}>
        {(list) =>
          list.length === 0 ? (
            <Empty>
              No call waits for approval. A policy with <code>@approve("operators")</code> parks the calls it permits
              until somebody agrees here, or with <code>aip approvals</code>.
            </Empty>
          ) : (
            <div className="asks">
              {list.map((ask) => (
                <AskCard key={ask.id} ask={ask} first={ask.id === item} />
              ))}
            </div>
          )
        }
      </Loaded>
    </Page>
  );
}

/** One call that waits: who wants what, with which arguments, and the answer. `first`: it was asked for by link. */
function AskCard({ ask, first }: { ask: Ask; first: boolean }) {
  const { names, may } = useLive();
  const notify = useNotify();
  const now = useNow();
  const [reason, setReason] = useState('');
  const heading = useRef<HTMLHeadingElement>(null);
  const id = useId();
  const { owner, what } = target(ask.to, names);
  const callee = what === '' ? owner : `${owner} ${what}`;

  useEffect(() => {
    if (first) heading.current?.focus();
  }, [first]);

  const answer = useAction(
    useCallback(
      async (verdict: 'approve' | 'deny') => {
        await api.answer(ask.id, verdict, reason.trim());
        notify(
          verdict === 'approve'
            ? `Approved: ${ask.from_name} may ${ask.action} ${callee}, this once.`
            : `Denied: ${ask.from_name} may not ${ask.action} ${callee}.`,
        );
        document.getElementById('content')?.focus();
      },
      [ask, callee, reason, notify],
    ),
  );

  return (
    <article className="ask" aria-labelledby={`${id}-title`}>
      <div className="ask-head">
        <h2 id={`${id}-title`} ref={heading} tabIndex={-1}>
          {ask.from_name} wants to {ask.action} <span className="callee">{callee}</span>
        </h2>
        {ask.expires_at !== undefined && (
          <p className={millis(ask.expires_at) - now < SOON ? 'expiry soon' : 'expiry'}>
            <span className="number">{countdown(ask.expires_at, now)}</span> <span className="muted">left</span>
          </p>
        )}
      </div>
      <dl className="facts">
        <div>
          <dt>Asked</dt>
          <dd>{ago(ask.asked_at, now)}</dd>
        </div>
        <div>
          <dt>By</dt>
          <dd>{nameOf(ask.from, names)}</dd>
        </div>
        {ask.policy !== undefined && (
          <div>
            <dt>Policy</dt>
            <dd>
              <code>{ask.policy}</code>
            </dd>
          </div>
        )}
        {ask.approvers !== undefined && (
          <div>
            <dt>Approvers</dt>
            <dd>{ask.approvers}</dd>
          </div>
        )}
        {ask.price !== undefined && (
          <div>
            <dt>Price</dt>
            <dd>{units(ask.price)}</dd>
          </div>
        )}
        <div>
          <dt>Task</dt>
          <dd>
            <a href={linkTo('task', ask.task)}>{ask.task.slice(0, 8)}</a>
          </dd>
        </div>
      </dl>
      <h3 className="label">Arguments</h3>
      {ask.arguments === undefined ? (
        <p className="muted">Erased.</p>
      ) : (
        <JsonText value={ask.arguments} label="Arguments" />
      )}
      <p className="muted">The answer holds for exactly these arguments, at this price or a lower one, once.</p>
      <Problem error={answer.error} />
      {may('asks.answer') ? (
        <div className="answer">
          <ReasonField value={reason} onChange={setReason} />
          <div className="buttons">
            <button type="button" className="primary" disabled={answer.busy} onClick={() => answer.run('approve')}>
              Approve
            </button>
            <button type="button" className="danger-quiet" disabled={answer.busy} onClick={() => answer.run('deny')}>
              Deny
            </button>
          </div>
        </div>
      ) : (
        <p className="muted">Your role may look on, but not answer.</p>
      )}
    </article>
  );
}
