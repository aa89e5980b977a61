import type { ThreadEventData } from '../protocol/index.js';
import type { ThreadView, ViewMessage, ViewRun } from './view.js';
import type { ThreadEvent } from './wire.js';

/**
 * The view with one more event in it. Pure: the view given is not changed, and what the event does not touch is shared. Takes
 * single events as well as merged ones, and runs that began before the view. An event that is in the view already leaves it as it is.
 */
export function fold(view: ThreadView, event: ThreadEvent): ThreadView {
  if (event.seq <= view.seq) return view;
  return touchRun({ ...view, ...change(view, event), seq: event.seq }, event);
}

export function foldAll(view: ThreadView, events: Iterable<ThreadEvent>): ThreadView {
  let folded = view;
  for (const event of events) folded = fold(folded, event);
  return folded;
}

type Change = Partial<ThreadView>;

function change(view: ThreadView, event: ThreadEvent): Change {
  const { runId = '' } = event;
  const seq = event.from ?? event.seq;
  switch (event.type) {
    case 'message_created': {
      const { content, ...message } = event.data;
      return { messages: [...view.messages, { ...message, text: content, state: 'complete', seq, time: event.time }] };
    }
    case 'agent_delta':
      return { messages: withDelta(view, event) };
    case 'tool_executing':
      return { toolCalls: [...view.toolCalls, { ...event.data, runId, state: 'running', seq }] };
    case 'tool_completed': {
      const isIt = of(runId, 'toolCallId', event.data.toolCallId);
      const before = { args: null, runId, seq, ...view.toolCalls.findLast(isIt) };
      const state = event.data.error === undefined ? 'completed' : 'failed';
      return { toolCalls: put(view.toolCalls, isIt, { ...before, ...event.data, state }) };
    }
    case 'input_requested':
      return { requests: [...view.requests, { ...event.data, runId, state: 'open', seq }] };
    case 'input_received': {
      const isIt = of(runId, 'requestId', event.data.requestId);
      const before = { runId, seq, ...view.requests.findLast(isIt) };
      return { requests: put(view.requests, isIt, { ...before, ...event.data, state: 'answered' }) };
    }
    case 'agent_completed':
      return { ...ended(view, runId, 'complete'), messages: completed(view, event) };
    case 'agent_error':
    case 'agent_cancelled':
      return ended(view, runId, 'broken_off');
    case 'custom':
      return { custom: [...view.custom, { ...event.data, seq, ...(runId !== '' && { runId }) }] };
    case 'thread_updated': {
      const { title, metadata, members } = event.data;
      return {
        ...(title !== undefined && { title }),
        ...(metadata !== undefined && { metadata }),
        ...(members !== undefined && { members }),
      };
    }
    default:
      return {};
  }
}

function withDelta(view: ThreadView, event: Extract<ThreadEvent, { type: 'agent_delta' }>): readonly ViewMessage[] {
  const { messageId, text } = event.data;
  const isIt = ofAgent(event.runId, messageId);
  const before = view.messages.findLast(isIt) ?? begun(event, messageId);
  return put(view.messages, isIt, { ...before, text: before.text + text });
}

/** The end of a run closes its messages; the answer that it names, or else its last one, is what it says. */
function completed(view: ThreadView, event: Extract<ThreadEvent, { type: 'agent_completed' }>): readonly ViewMessage[] {
  const { runId = '', data } = event;
  const messages = ended(view, runId, 'complete').messages;
  const last = messages.findLast((message) => message.role === 'agent' && message.runId === runId);
  const messageId = data.messageId ?? last?.messageId ?? runId;
  const isIt = ofAgent(event.runId, messageId);
  const before = messages.findLast(isIt);
  if (before === undefined && data.content === '') return messages;
  return put(messages, isIt, { ...(before ?? begun(event, messageId)), text: data.content, state: 'complete' });
}

function begun(event: ThreadEvent, messageId: string): ViewMessage {
  const { runId, agent, time } = event;
  return {
    messageId,
    role: 'agent',
    text: '',
    state: 'streaming',
    seq: event.from ?? event.seq,
    time,
    ...(runId !== undefined && { runId }),
    ...(agent !== undefined && { agent }),
  };
}

/** Nothing of an ended run stays open. */
function ended(view: ThreadView, runId: string, state: ViewMessage['state']) {
  return {
    messages: each(view.messages, (it) => (it.runId === runId && it.state === 'streaming' ? { ...it, state } : it)),
    toolCalls: each(view.toolCalls, (it) =>
      it.runId === runId && it.state === 'running' ? { ...it, state: 'broken_off' as const } : it,
    ),
    requests: each(view.requests, (it) =>
      it.runId === runId && it.state === 'open' ? { ...it, state: 'closed' as const } : it,
    ),
  };
}

/** The run that an event is of, or that a message starts, as it stands behind it. */
function touchRun(view: ThreadView, event: ThreadEvent): ThreadView {
  const runId = event.type === 'message_created' ? event.data.runId : event.runId;
  if (runId === undefined) return view;
  const isIt = (run: ViewRun): boolean => run.runId === runId;
  const known = view.runs.findLast(isIt);
  const run: ViewRun = known ?? { runId, state: 'running', thinking: '' };
  const changed: ViewRun = {
    ...run,
    ...(event.agent !== undefined && { agent: event.agent }),
    ...told(view, run, event),
  };
  return known !== undefined && same(known, changed) ? view : { ...view, runs: put(view.runs, isIt, changed) };
}

function told(view: ThreadView, run: ViewRun, event: ThreadEvent): Partial<ViewRun> {
  switch (event.type) {
    case 'message_created':
      return { state: 'queued' };
    case 'agent_started':
      return { ...event.data, state: 'running' };
    case 'agent_thinking':
      return { thinking: run.thinking + event.data.text };
    case 'progress_update':
      return { progress: event.data };
    case 'input_requested':
      return { state: 'waiting_input' };
    case 'input_received':
      return {
        state: view.requests.some((it) => it.runId === run.runId && it.state === 'open') ? 'waiting_input' : 'running',
      };
    case 'agent_completed':
      return { state: 'completed', ...pick(event.data) };
    case 'agent_error':
      return { state: 'failed', error: event.data };
    case 'agent_cancelled':
      return { state: 'cancelled', ...event.data };
    default:
      return {};
  }
}

function pick({ durationMs, usage }: ThreadEventData['agent_completed']): Partial<ViewRun> {
  return { durationMs, ...(usage !== undefined && { usage }) };
}

const of =
  <K extends string>(runId: string, key: K, id: string) =>
  (it: { readonly runId: string } & Readonly<Record<K, string>>): boolean =>
    it[key] === id && it.runId === runId;

const ofAgent =
  (runId: string | undefined, messageId: string) =>
  (it: ViewMessage): boolean =>
    it.role === 'agent' && it.messageId === messageId && it.runId === runId;

/** In the place of the last one that matches, else at the end. */
function put<T>(list: readonly T[], isIt: (item: T) => boolean, item: T): readonly T[] {
  const index = list.findLastIndex(isIt);
  return index === -1 ? [...list, item] : list.with(index, item);
}

/** The same list where nothing in it has changed. */
function each<T>(list: readonly T[], map: (item: T) => T): readonly T[] {
  const mapped = list.map(map);
  return mapped.every((item, index) => item === list[index]) ? list : mapped;
}

function same(a: ViewRun, b: ViewRun): boolean {
  const keys = Object.keys(b) as (keyof ViewRun)[];
  return keys.every((key) => a[key] === b[key]);
}
