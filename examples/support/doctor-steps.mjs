import { randomUUID } from 'node:crypto';

import { checkJoined, followedToEnd, readLog, textOf } from './doctor-log.mjs';
import { LogPosition } from './log-position.mjs';
import { Problem } from './probe.mjs';
import { ask, developmentToken } from './server.mjs';

const PROXY = 'If a proxy stands between: does it forward /socket.io/ with the headers Upgrade and Connection?';
const KEYS =
  'The server has to know the key that signed it: AUTH_JWT_SECRET or AUTH_JWKS_URL, AUTH_ISSUER, AUTH_AUDIENCE.';
const TEXT = 'each of these words has to arrive once and in order '.repeat(8).trim();

/** What cannot be checked here, and why. */
export class Skip extends Error {}

/**
 * The examination. A step returns what it has seen, throws a `Problem`, or a `Skip`. `needs` names the steps without
 * whose success it makes no sense; `visit` carries what they leave for each other.
 */
export const STEPS = [
  step('reachable', [], async (visit) => {
    const response = await attempt(() => ask(visit.url, '/health/live', visit));
    visit.live = response;
    return `${visit.url} answers`;
  }),

  step('live', ['reachable'], async ({ live }) => {
    const body = await live.json().catch(() => null);
    if (live.status === 200 && body?.status === 'ok') return 'the process runs';
    throw new Problem(
      `GET /health/live gives status ${live.status}, and not what Threadcast says there.`,
      'Something else listens at this address, or a proxy does not forward this path.',
    );
  }),

  step('ready', ['live'], async (visit) => {
    const response = await attempt(() => ask(visit.url, '/health/ready', visit));
    const report = await response.json().catch(() => ({}));
    if (response.status === 200)
      return report.status === 'degraded' ? `but degraded: ${whatOf(report)}` : 'serves requests';
    throw new Problem(
      `The server is not ready, it says '${report.status}'${whatOf(report) === '' ? '' : `: ${whatOf(report)}`}.`,
      'Its log has the reason. While it starts, ask again; a start that fails ends the process.',
    );
  }),

  step('accepts', ['ready'], async (visit) => {
    const probe = visit.open();
    const { name, data } = await probe.first(['connection_accepted', 'connect_error'], PROXY);
    if (name === 'connect_error') throw new Problem(`The WebSocket does not open: ${data.message}.`, PROXY);
    visit.probe = probe;
    return `${data.connectionId}, before any token`;
  }),

  step('refuses a bad token', ['accepts'], async (visit) => {
    const answer = await visit.probe.request('authenticate', { token: 'not.a.token' });
    const danger = 'Whoever can connect could be anybody: do not leave this server open.';
    if (answer.ok) throw new Problem('A token that is none was accepted.', danger);
    expectCode(answer, 'unauthenticated', 'A failed authenticate');
    const stranger = visit.open({ auth: { token: 'not.a.token' } });
    const exception = await stranger.next('exception', 'A bad token in the handshake is told and ends the connection.');
    expectCode({ error: exception.error }, 'unauthenticated', 'A bad token in the handshake');
    await stranger.next(
      'disconnect',
      'It should have been disconnected.',
      ({ reason }) => reason === 'io server disconnect',
    );
    return 'as a request it may be tried again, in the handshake it ends the connection';
  }),

  step('has a token', ['accepts'], async (visit) => {
    if (visit.token !== undefined) return 'given';
    visit.token = await developmentToken(visit.url, `doctor-${randomUUID()}`, visit.timeoutMs).catch((error) => {
      throw new Skip(`${error.message} Give one with --token to check more.`);
    });
    visit.mints = true;
    return 'a development token, of a user made for this';
  }),

  step('authenticates', ['has a token'], async (visit) => {
    const { probe, token } = visit;
    const answer = await probe.request('authenticate', { token });
    if (!answer.ok) throw new Problem(`The token is refused: ${answer.error.message} (${answer.error.code})`, KEYS);
    await probe.next('connection_authenticated', 'It follows the answer.');
    await probe.next('connection_ready', 'It follows once the connection is set up; storage may be slow.');
    visit.userId = answer.userId;
    return `as ${answer.userId}`;
  }),

  step('associates', ['authenticates'], async (visit) => {
    const { probe } = visit;
    visit.message = { content: TEXT, agent: 'echo', messageId: `doctor-${randomUUID()}` };
    const answer = await probe.demand('user_message', visit.message);
    visit.threads.push(answer.threadId);
    visit.first = answer;
    if (!answer.associated) {
      const hint = 'The association failed for CONTEXT_TIMEOUT_MS: storage is slow or away; see GET /health/ready.';
      throw new Problem('The run was started without the connection following its thread.', hint);
    }
    const { threadId } = answer;
    await probe.next(
      'thread_switched',
      'It follows the answer to the first message.',
      (data) => data.threadId === threadId,
    );
    return `the first message made ${threadId}`;
  }),

  step('routes', ['associates'], async ({ probe, first: { threadId, runId } }) => {
    const events = await followedToEnd(probe, threadId, runId);
    const end = events.at(-1);
    const types = events.map(({ type }) => type);
    const hint = 'This is what the agent echo does on every server; which version is this one?';
    if (types[0] !== 'message_created' || types[1] !== 'agent_started' || end.type !== 'agent_completed') {
      throw new Problem(`The run went ${types.join(', ')}.`, hint);
    }
    if (end.data.content !== TEXT || textOf(events, runId) !== TEXT)
      throw new Problem('The text is not what was sent.', hint);
    return `${events.length} events, in order, without a gap, to the end`;
  }),

  step('repeats safely', ['routes'], async ({ probe, message, first }) => {
    const again = await probe.demand('user_message', message);
    if (again.duplicate && again.runId === first.runId && again.seq === first.seq)
      return 'the same messageId starts nothing twice';
    throw new Problem(
      'A repeated message was taken for a new one.',
      'Are there two servers behind this address, on two databases?',
    );
  }),

  step('resumes', ['routes'], async (visit) => {
    const { threadId } = visit.first;
    const { epoch } = await visit.probe.demand('get_thread_history', { threadId, limit: 1 });
    const position = new LogPosition(threadId, 0, epoch);
    const auth = (give) => give({ token: visit.token, ...position.toFollow() });
    const probe = visit.open({ auth });
    probe.socket.onAny((_name, data) => {
      // What does not join is found below; the position only moves on.
      if (data?.threadId === threadId && 'data' in data && data.seq > position.seq) position.seq = data.seq;
    });
    await probe.next('thread_caught_up', 'A thread named in the handshake is followed from its cursor.');
    const start = { content: TEXT, agent: 'echo', metadata: { echo: { delayMs: 10 } } };
    const { runId } = await probe.demand('user_message', { threadId, ...start });
    await probe.next('agent_delta', 'The run says nothing.', (event) => event.runId === runId);
    probe.drop();
    const dropped = position.seq;
    await probe.next('disconnect', 'The transport was closed.');
    const events = await followedToEnd(probe, threadId, runId);
    const log = await readLog(probe, threadId);
    if (textOf(events, runId) !== TEXT || events.at(-1).seq !== log.at(-1).seq) {
      throw new Problem('What came over two connections is not what the log has.', 'Please report this.');
    }
    return `dropped after event ${dropped}, came back, ${events.at(-1).seq} events without loss or repetition`;
  }),

  step('isolates', ['routes'], async (visit) => {
    const { threadId, runId } = visit.first;
    const other = visit.open({ auth: { token: await otherToken(visit) } });
    const { userId } = await other.next('connection_ready', `Is the second token valid? ${KEYS}`);
    if (userId === visit.userId) throw new Skip(`both tokens are of ${userId}; --other-token has to be another user’s`);
    const tries = [
      ['switch_thread', { threadId }, 'thread_not_found'],
      ['subscribe_thread', { threadId, after: 0 }, 'thread_not_found'],
      ['get_thread_history', { threadId }, 'thread_not_found'],
      ['user_message', { threadId, content: 'let me in', agent: 'echo' }, 'thread_not_found'],
      ['stop_agent', { runId }, 'run_not_found'],
    ];
    for (const [name, payload, code] of tries)
      expectCode(await other.request(name, payload), code, `${name} by a stranger`);
    const { runId: second } = await visit.probe.demand('user_message', { threadId, content: 'secret', agent: 'echo' });
    await followedToEnd(visit.probe, threadId, second);
    await other.request('ping', {});
    const seen = other.events(threadId);
    if (seen.length > 0)
      throw new Problem(`${userId} got ${seen.length} events of it.`, 'Take this server off the net and report it.');
    return `${userId} can neither follow, read, write, stop nor see it`;
  }),

  step('cleans up', [], async (visit) => {
    const { threads, token, probe } = visit;
    if (threads.length === 0) throw new Skip('there is nothing to clean up');
    const headers = { authorization: `Bearer ${token}` };
    for (const threadId of threads) {
      const response = await attempt(() =>
        ask(visit.url, `/api/threads/${threadId}`, { ...visit, method: 'DELETE', headers }),
      );
      if (response.status === 204) continue;
      throw new Problem(
        `DELETE /api/threads/${threadId} gives ${response.status}; the thread is still there.`,
        'Is /api forwarded?',
      );
    }
    const told = ({ threadId, reason }) => threads.includes(threadId) && reason === 'deleted';
    if (probe.socket.connected) await probe.next('thread_detached', 'Who follows a deleted thread is told.', told);
    checkJoined(threads[0], probe.events(threads[0]));
    return `${threads.length} thread deleted, its follower told`;
  }),
];

function step(name, needs, run) {
  return { name, needs, run };
}

async function otherToken(visit) {
  if (visit.otherToken !== undefined) return visit.otherToken;
  if (visit.mints) return developmentToken(visit.url, `doctor-other-${randomUUID()}`, visit.timeoutMs);
  throw new Skip('that takes a second user: --other-token');
}

async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    throw new Problem(
      error.message,
      'Check address and port, the server’s HOST (loopback alone in development), and firewalls.',
    );
  }
}

function expectCode({ ok, error }, code, what) {
  if (error?.code === code) return;
  const got = ok ? 'is taken' : `is answered ${error?.code}`;
  throw new Problem(`${what} ${got}, not ${code}.`, 'Is this another version, or are permissions broken?');
}

/** What a health report complains about. */
function whatOf({ tasks = [], checks = [] }) {
  const waiting = tasks
    .filter(({ status }) => status !== 'done')
    .map(({ name, status }) => `task '${name}' is ${status}`);
  const down = checks
    .filter(({ status }) => status !== 'ok')
    .map(({ name, status, detail }) => `${name} is ${status}${detail ? ` (${detail})` : ''}`);
  return [...waiting, ...down].join(', ');
}
