import type { JsonObject } from '@aip/wire';
import { partsOf, type Body, type Part } from '../../kernel/body.ts';
import type { Message as StoredMessage } from '../../kernel/message.ts';
import { isTerminal, type TaskEvent, type TaskState } from '../../kernel/task.ts';
import { addTo, isSame, type Fingerprint } from './fingerprint.ts';
import { stateName, type Artifact, type Message, type StreamResponse, type Task, type TaskStatus } from './protocol.ts';
import { asDirectMessage, openingMessage, statusMessage } from './task-messages.ts';

/** How much of a task an answer shows (section 3.2.4). */
export interface TaskDetail {
  readonly historyLength?: number;
  readonly artifacts?: boolean;
}

/** One task as A2A sees it, folded from its recorded events. The same events always give the same task and updates. */
export interface TaskProjection {
  /** Takes in the next event and returns what it means to somebody who follows the task. */
  apply(event: TaskEvent): StreamResponse[];
  task(detail?: TaskDetail): Task;
  /** Lets go of all that only `task` needs, which is not called again: whoever follows a task does not hold it. */
  forget(): void;
  readonly state: TaskState;
  /** The answer, if the agent gave nothing but one message (section 3.1.1): no update, no artifact before it. */
  readonly directMessage: Message | undefined;
}

export function projectTask(id: string, contextId: string, opening: StoredMessage | undefined): TaskProjection {
  const artifacts = new Map<string, KnownArtifact>();
  const history: Message[] = opening ? [openingMessage(opening, contextId)] : [];
  let status: TaskStatus = { state: 'TASK_STATE_SUBMITTED', timestamp: new Date(0).toISOString() };
  let state: TaskState = 'submitted';
  let directMessage: Message | undefined;
  let unnamed = '';
  let quiet = true;
  let keeps = true;

  const place = { taskId: id, contextId };

  function apply(event: TaskEvent): StreamResponse[] {
    const updates = artifactUpdates(event);
    const message = statusMessage(event, place);
    if (keeps && message && event.type !== 'progress') history.push(message);
    if (event.type === 'done' && quiet) directMessage = asDirectMessage(event.body, contextId, opening);
    if (event.type !== 'submitted') quiet = false;
    state = event.state;
    status = { state: stateName(state), timestamp: new Date(event.at).toISOString(), ...(message ? { message } : {}) };
    if (announces(event)) updates.push({ statusUpdate: { ...place, status, ...statusMetadata(event) } });
    return updates;
  }

  function artifactUpdates(event: TaskEvent): StreamResponse[] {
    if (event.type === 'output') return put(outputArtifact(event), event.append === true, event.last === true);
    const result = resultOf(event);
    return result === undefined || isEmpty(result) || repeats(result)
      ? []
      : put(artifactOf('result', 'result', result), false, true);
  }

  function outputArtifact(event: Extract<TaskEvent, { type: 'output' }>): Artifact {
    if (event.artifactId === undefined && !(event.append === true && unnamed !== '')) unnamed = `output-${event.n}`;
    return artifactOf(event.artifactId ?? unnamed, event.name, event.body);
  }

  /** Many agents stream their answer and then return it whole: that is one artifact, not two. */
  function repeats(result: Body): boolean {
    const sent = [...artifacts.values()].map(({ fingerprint }) => fingerprint);
    return sent.length > 0 && isSame(sent, partsOf(result));
  }

  /** Keeps the artifact as a follower would (section 4.2.2), and says what changed. */
  function put(artifact: Artifact, append: boolean, last: boolean): StreamResponse[] {
    const known = append ? artifacts.get(artifact.artifactId) : undefined;
    const fingerprint = known?.fingerprint ?? { lengths: [], digest: '' };
    addTo(fingerprint, artifact.parts);
    if (known) known.whole?.parts.push(...artifact.parts);
    else artifacts.set(artifact.artifactId, { fingerprint, ...(keeps ? { whole: copyOf(artifact) } : {}) });
    return [
      {
        artifactUpdate: {
          ...place,
          artifact,
          ...(known ? { append: true } : {}),
          ...(last ? { lastChunk: true } : {}),
        },
      },
    ];
  }

  return {
    apply,
    task({ historyLength = history.length, artifacts: shown = true } = {}) {
      const recent = historyLength === 0 ? [] : history.slice(-historyLength);
      return {
        id,
        contextId,
        status,
        ...(shown && artifacts.size > 0
          ? { artifacts: [...artifacts.values()].flatMap(({ whole }) => (whole ? [copyOf(whole)] : [])) }
          : {}),
        ...(recent.length > 0 ? { history: recent } : {}),
      };
    },
    forget() {
      keeps = false;
      history.length = 0;
      for (const [artifactId, { fingerprint }] of artifacts) artifacts.set(artifactId, { fingerprint });
    },
    get state() {
      return state;
    },
    get directMessage() {
      return directMessage;
    },
  };
}

interface KnownArtifact {
  readonly fingerprint: Fingerprint;
  readonly whole?: Artifact & { readonly parts: Part[] };
}

const copyOf = (artifact: Artifact): Artifact & { readonly parts: Part[] } => ({
  ...artifact,
  parts: [...artifact.parts],
});

/** Output says itself that the agent works; logs are for the operator. */
const announces = (event: TaskEvent): boolean => event.type !== 'output' && event.type !== 'log';

const resultOf = (event: TaskEvent): Body | undefined =>
  event.type === 'done' || event.type === 'failed' ? event.body : undefined;

function artifactOf(artifactId: string, name: string | undefined, body: Body): Artifact {
  const metadata = body.type === 'a2a' ? body.value.metadata : undefined;
  return {
    artifactId,
    ...(name === undefined ? {} : { name }),
    parts: partsOf(body),
    ...(metadata ? { metadata } : {}),
  };
}

function statusMetadata(event: TaskEvent): { metadata?: JsonObject } {
  if (event.type !== 'progress') return {};
  return {
    metadata: {
      'aip.progress': { progress: event.progress, ...(event.total === undefined ? {} : { total: event.total }) },
    },
  };
}

const isEmpty = (body: Body): boolean => partsOf(body).every((part) => part.data === null || part.text === '');

export const hasEnded = (projection: TaskProjection): boolean => isTerminal(projection.state);
