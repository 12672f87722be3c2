import type { TaskState } from '../api.ts';
import { protocolName } from '../format.ts';
import type { Outcome } from '../stream-rows.ts';

export type Tone = 'plain' | 'busy' | 'good' | 'wait' | 'bad';

const OUTCOMES: Record<Outcome, { label: string; tone: Tone }> = {
  accepted: { label: 'accepted', tone: 'busy' },
  parked: { label: 'parked', tone: 'wait' },
  completed: { label: 'completed', tone: 'good' },
  failed: { label: 'failed', tone: 'bad' },
  canceled: { label: 'canceled', tone: 'plain' },
  denied: { label: 'denied', tone: 'bad' },
  signal: { label: 'signal', tone: 'plain' },
};

const STATES: Record<TaskState, { label: string; tone: Tone }> = {
  submitted: { label: 'submitted', tone: 'busy' },
  working: { label: 'working', tone: 'busy' },
  input_required: { label: 'waits for input', tone: 'wait' },
  auth_required: { label: 'waits for approval', tone: 'wait' },
  completed: { label: 'completed', tone: 'good' },
  failed: { label: 'failed', tone: 'bad' },
  canceled: { label: 'canceled', tone: 'plain' },
  rejected: { label: 'rejected', tone: 'bad' },
};

export function OutcomeBadge({ outcome }: { outcome: Outcome }) {
  const { label, tone } = OUTCOMES[outcome];
  return <Badge tone={tone}>{label}</Badge>;
}

export function StateBadge({ state }: { state: TaskState }) {
  const { label, tone } = STATES[state];
  return <Badge tone={tone}>{label}</Badge>;
}

export const ProtocolBadge = ({ edge }: { edge: string }) => <span className="protocol">{protocolName(edge)}</span>;

export const Badge = ({ tone, children }: { tone: Tone; children: string }) => (
  <span className={`badge ${tone}`}>{children}</span>
);
