import type { RunId } from '../../src/ids/index.js';
import type { LoggedEvent } from '../../src/testing/runs-bench.js';
import { isTerminalType, type RunRecord } from '../../src/threads/index.js';
import { runsOf, type RunsWorld } from './runs-world.js';

const STATUS_OF = { agent_completed: 'completed', agent_error: 'failed', agent_cancelled: 'cancelled' } as const;

/** What is wrong with the logs and records of a world in which every run has ended. */
export function judge(world: RunsWorld): string[] {
  const faults = [...world.faults];
  for (const threadId of world.threadIds) {
    const log = world.log(threadId);
    if (log.some((event, index) => event.seq !== index + 1)) faults.push(`${threadId} has a hole`);
    for (const runId of runsOf(log)) faults.push(...judgeRun(log, world.records.get(runId)));
    faults.push(...judgeOrder(log, world.records));
  }
  return [...faults, ...judgeAnswers(world), ...judgeSaid(world)];
}

function judgeRun(log: readonly LoggedEvent[], run: RunRecord | undefined): string[] {
  if (run === undefined) return ['a run has no record'];
  const faults: string[] = [];
  const wrong = (what: string): unknown => faults.push(`${run.runId}: ${what}`);
  const events = log.filter((event) => event.runId === run.runId);
  const types = events.map((event) => event.type);
  const ends = events.filter((event) => isTerminalType(event.type));
  const [end] = ends;
  if (end === undefined || ends.length !== 1) return [`${run.runId}: has ${ends.length} ends: ${types.join()}`];
  if (types.at(-1) !== end.type) wrong(`has something behind its end: ${types.join()}`);
  if (types.filter((type) => type === 'agent_started').length > 1) wrong(`started twice: ${types.join()}`);
  const started = types[0] === 'agent_started';
  if (!started && types.length > 1) wrong(`did something before its start: ${types.join()}`);
  if (started !== run.attempt > 0) wrong(`attempt ${run.attempt}: ${types.join()}`);
  if (isTerminalType(end.type) && run.status !== STATUS_OF[end.type]) wrong(`is ${run.status}: ${types.join()}`);
  if ((run.endReason ?? undefined) !== (end.data['code'] ?? end.data['reason'])) wrong(`ended by ${run.endReason}`);
  faults.push(...judgeInputs(events, run));
  return faults;
}

function judgeInputs(events: readonly LoggedEvent[], run: RunRecord): string[] {
  const faults: string[] = [];
  const told = (type: string, requestId: string): LoggedEvent[] =>
    events.filter((event) => event.type === type && event.data['requestId'] === requestId);
  for (const { requestId, status, value } of run.inputs) {
    const requested = told('input_requested', requestId).length;
    const received = told('input_received', requestId);
    const answered = status === 'answered';
    if (requested !== 1) faults.push(`${run.runId}: ${requestId} was asked ${requested} times`);
    if (received.length !== (answered ? 1 : 0)) faults.push(`${run.runId}: ${requestId} is ${status}`);
    if (answered && received[0]?.data['value'] !== value) faults.push(`${run.runId}: ${requestId} has another answer`);
    if (status === 'open') faults.push(`${run.runId}: ${requestId} is open`);
  }
  const expired = run.inputs.filter((input) => input.status === 'expired').length;
  if (expired !== (run.endReason === 'input_expired' ? 1 : 0)) faults.push(`${run.runId}: ${expired} inputs expired`);
  const requests = events.filter((event) => event.type === 'input_requested').length;
  if (requests !== run.inputs.length) faults.push(`${run.runId}: asked ${requests} times, kept ${run.inputs.length}`);
  return faults;
}

/** Reads the log as the queue's rules say: who may begin, be refused, be cancelled when. */
function judgeOrder(log: readonly LoggedEvent[], records: ReadonlyMap<RunId, RunRecord>): string[] {
  const faults: string[] = [];
  const waiting: RunRecord[] = [];
  const underWay = new Set<RunId>();
  for (const { seq, type, runId, data } of log) {
    const made = type === 'message_created' ? records.get(data['runId'] as RunId) : undefined;
    if (made !== undefined) {
      if (made.policy === 'reject' && waiting.length + underWay.size > 0) faults.push(`${seq}: taken beside another`);
      if (made.policy === 'interrupt' && underWay.size > 0) faults.push(`${seq}: interrupted nobody`);
      waiting.push(made);
    }
    const run = runId === null ? undefined : records.get(runId);
    if (run === undefined) continue;
    if (type === 'agent_started') {
      const beside = [...underWay].map((runId) => records.get(runId));
      if (beside.some((other) => !mayBeBeside(run, other))) faults.push(`${seq}: began beside another`);
      faults.push(...overtaking(run, waiting).map((what) => `${seq}: ${what}`));
      underWay.add(run.runId);
    }
    if (type !== 'agent_started' && !isTerminalType(type)) continue;
    const place = waiting.indexOf(run);
    if (place >= 0) waiting.splice(place, 1);
    if (isTerminalType(type)) underWay.delete(run.runId);
  }
  return faults;
}

/**
 * One that is to run in parallel begins at once, also while one that was asked for before it begins, and has its first
 * event still to be stored.
 */
function mayBeBeside(run: RunRecord, other: RunRecord | undefined): boolean {
  return run.policy === 'parallel' || (other?.policy === 'parallel' && other.position > run.position);
}

/**
 * Who waits before this run, though it begins. It may, where its beginning was under way when one that interrupts came;
 * then it is not to be completed.
 */
function overtaking(run: RunRecord, waiting: readonly RunRecord[]): string[] {
  if (run.policy === 'parallel') return [];
  const before = waiting.filter((other) => other.policy !== 'parallel' && other.position < run.position);
  const wrong = before.filter((other) => other.policy !== 'interrupt' || run.status === 'completed');
  return wrong.map((other) => `${run.runId} began before ${other.runId}`);
}

/** The same request has one run, whenever and however often it was made. */
function judgeAnswers(world: RunsWorld): string[] {
  const faults: string[] = [];
  const first = new Map<string, RunId>();
  for (const { to, runId, duplicate } of world.answered) {
    const known = first.get(to);
    if (known !== undefined && known !== runId) faults.push(`${to} has two runs`);
    if (known !== undefined && !duplicate) faults.push(`${to} was taken twice`);
    first.set(to, runId);
    if (!world.records.has(runId)) faults.push(`${to} was taken, and has no message`);
  }
  for (const threadId of world.threadIds) {
    const messages = world.log(threadId).filter((event) => event.type === 'message_created');
    const ids = messages.map(({ data }) => `${String(data['userId'])} ${String(data['messageId'])}`);
    if (new Set(ids).size !== ids.length) faults.push(`${threadId} has a message twice`);
    const stored = messages.map(({ data }) => String(data['messageId']));
    for (const refused of world.refused)
      if (stored.includes(refused)) faults.push(`${refused} was refused, and is there`);
  }
  return faults;
}

function judgeSaid(world: RunsWorld): string[] {
  const faults: string[] = [];
  const events = world.threadIds.flatMap((threadId) => world.log(threadId));
  const texts = events.map(({ data: { text } }) => (typeof text === 'string' ? text : '')).join('');
  for (const { text, late, outcome, runId } of world.puppets.said) {
    const times = texts.split(text).length - 1;
    if (times > 1) faults.push(`${runId}: ${text} is there ${times} times`);
    if (outcome === 'stored' && times === 0) faults.push(`${runId}: ${text} was lost`);
    if ((late || outcome === 'run_ended') && times > 0) faults.push(`${runId}: ${text} came too late, and is there`);
  }
  return faults;
}
