import { randomUUID } from 'node:crypto';

import { io } from 'socket.io-client';

import { LogPosition } from './log-position.mjs';
import { show } from './show.mjs';

const ANSWER_MS = 15_000;
const RETRY_MS = 500;
const PASSING = ['draining', 'starting', 'storage_unavailable', 'rate_limited'];
const ENDS = ['agent_completed', 'agent_error', 'agent_cancelled'];
const PAGE = 500;

/**
 * One user's place in one thread at a time, over a stock `socket.io-client`. It keeps its position in the log, so that
 * a new connection goes on where the old one broke off, and asks again whatever was not answered: `messageId` makes that
 * safe for messages, and the other requests change nothing when repeated.
 */
export class Conversation {
  /** Runs that failed, and messages that were refused. */
  failures = 0;
  /** What runs of this thread wait to be told, oldest first. */
  questions = [];
  #options;
  #screen;
  #socket;
  #token;
  #userId = null;
  /** Null: the next message begins a new thread. */
  #position = null;
  /** False while another position is being asked for: what still comes belongs to the one before. */
  #following = true;
  #ownMessages = new Set();
  /** Runs of this thread that have begun and not ended, with whether this conversation started them. */
  #runs = new Map();
  #endedRuns = new Set();
  #toldRuns = new Set();
  #ready = false;
  #returning = false;
  #finalReason = null;
  #waiters = new Set();

  /** `options`: url, token, renewToken? (gives a fresh one), agent?, metadata?, onFinal (told why it cannot go on). */
  constructor(options, screen) {
    this.#options = options;
    this.#screen = screen;
    this.#token = options.token;
    const auth = (give) => give({ token: this.#token, frames: 'batch', ...this.#position?.toFollow() });
    this.#socket = io(options.url, {
      auth,
      transports: ['websocket', 'polling'],
      tryAllTransports: true,
      reconnectionDelay: 250,
      reconnectionDelayMax: 2_000,
    });
    this.#listen();
  }

  get threadId() {
    return this.#position?.threadId ?? null;
  }

  /** Resolves when the server has taken this user in. */
  connected() {
    return this.#until(() => this.#ready);
  }

  /** Resolves when every run that was started here has ended, or one of them asks for something. */
  settled() {
    return this.#until(() => this.questions.length > 0 || ![...this.#runs.values()].includes(true));
  }

  /** Resolves when the message is in the log; its answer comes as events. */
  async send(content) {
    const messageId = randomUUID();
    this.#ownMessages.add(messageId);
    const { agent, metadata } = this.#options;
    const begins = this.#position === null;
    const place = begins ? {} : { threadId: this.threadId };
    const message = { content, messageId, agent, metadata, ...place };
    const answer = await this.#request(
      'user_message',
      message,
      ({ threadId, runId, status, duplicate, associated }) => {
        const isUnderWay = !this.#endedRuns.has(runId) && ['queued', 'running', 'waiting_input'].includes(status);
        if (isUnderWay) this.#runs.set(runId, true);
        if (!begins) return;
        this.#position = new LogPosition(threadId, 0);
        this.#following = associated && !duplicate;
      },
    );
    if (!begins) return;
    // The first answer was lost with its connection, and this one does not follow from the beginning.
    if (!this.#following) await this.#follow(answer.threadId, { after: 0 });
    else await this.#learnEpoch();
    this.#screen.aside(`(new thread ${answer.threadId})`);
  }

  /** Answers the oldest question. */
  async answer(text) {
    const { runId, requestId, schema } = this.questions.shift();
    await this.#request('provide_input', { runId, requestId, value: valueOf(text, schema) });
  }

  /** Shows what was said in a thread, and goes on from there. */
  async open(threadId) {
    const page = await this.#request('get_thread_history', {
      threadId,
      before: Number.MAX_SAFE_INTEGER,
      limit: PAGE,
      view: 'compact',
    });
    this.#forget();
    for (const event of page.events) this.#see(event);
    await this.#follow(threadId, { after: page.events.at(-1)?.seq ?? 0, epoch: page.epoch });
  }

  /** Leaves the thread; the next message begins another one. */
  async leave() {
    const { threadId } = this;
    this.#forget();
    if (threadId !== null) await this.#request('unsubscribe_thread', { threadId });
  }

  /** Shows the whole log of the thread, read anew. */
  async history() {
    const { threadId } = this;
    let after = threadId === null ? null : 0;
    while (after !== null) {
      const page = await this.#request('get_thread_history', { threadId, after, limit: PAGE, view: 'compact' });
      const told = new Set();
      for (const event of page.events) show(event, { screen: this.#screen, userId: this.#userId, told });
      after = page.nextAfter;
    }
  }

  /** Stops what is under way in the thread; resolves with how many runs that were. */
  async stop() {
    const runIds = [...this.#runs.keys()];
    for (const runId of runIds) await this.#request('stop_agent', { runId });
    return runIds.length;
  }

  close() {
    this.#socket.close();
  }

  #listen() {
    const socket = this.#socket;
    socket.on('connection_ready', ({ userId, threadId }) => {
      this.#userId = userId;
      this.#ready = true;
      if (this.#returning) this.#screen.note(`(back${threadId === null ? '' : `, after event ${this.#position.seq}`})`);
      this.#tell();
    });
    socket.on('events', (events) => events.forEach((event) => this.#arrived(event)));
    socket.on('thread_detached', ({ threadId, reason }) => {
      if (threadId !== this.threadId) return;
      this.#screen.note(reason === 'deleted' ? '(the thread was deleted)' : '(you may not read this thread any more)');
      this.#forget();
    });
    socket.on('server_draining', () => this.#screen.note('(the server is about to close)'));
    socket.on('exception', (exception) => this.#excepted(exception));
    socket.on('disconnect', (reason) => this.#disconnected(reason));
    socket.on('connect_error', (error) => {
      if (!socket.active) this.#final(`The server does not let this client in: ${error.message}`);
    });
  }

  #arrived(event) {
    if (!this.#following || event.threadId !== this.threadId) return;
    try {
      this.#position.take(event);
    } catch (error) {
      this.#screen.note(`(the server broke its promise: ${error.message})`);
    }
    this.#see(event);
  }

  /** Keeps what it says about runs, and shows it. */
  #see(event) {
    const { type, runId, data } = event;
    if (type === 'agent_started' && !this.#runs.has(runId)) this.#runs.set(runId, false);
    if (type === 'input_requested') this.questions.push({ runId, ...data });
    if (type === 'input_received') this.questions = this.questions.filter((one) => one.requestId !== data.requestId);
    if (ENDS.includes(type)) {
      if (type === 'agent_error' && this.#runs.get(runId) === true) this.failures += 1;
      this.#runs.delete(runId);
      this.#endedRuns.add(runId);
      this.questions = this.questions.filter((question) => question.runId !== runId);
    }
    const isOwn = type === 'message_created' && this.#ownMessages.has(data.messageId);
    if (!isOwn) show(event, { screen: this.#screen, userId: this.#userId, told: this.#toldRuns });
    this.#tell();
  }

  #excepted({ request, error, reconnect }) {
    if (reconnect === false && error.code === 'token_expired' && this.#options.renewToken !== undefined) {
      void this.#options.renewToken().then(
        (token) => {
          this.#token = token;
          this.#socket.connect();
        },
        (reason) => this.#final(reason.message),
      );
    } else if (reconnect === false) {
      this.#final(`The server ends the connection: ${error.message} (${error.code})`);
    } else if (request === 'switch_thread') {
      // Named in the handshake: the thread is gone, or another one by now.
      this.#screen.note(`(cannot go on in ${this.threadId}: ${error.message})`);
      this.#forget();
    } else if (request === undefined && error.code !== 'draining') {
      this.#screen.note(`(${error.message})`);
    }
  }

  #disconnected(reason) {
    this.#ready = false;
    if (reason === 'io client disconnect' || this.#finalReason !== null) return;
    this.#returning = true;
    this.#screen.note('(the connection is lost; coming back …)');
    this.#options.onLost?.(() => !this.#ready);
  }

  /** Whoever waits is told that it was for nothing. */
  #final(reason) {
    this.#finalReason ??= reason;
    this.#tell();
    this.#options.onFinal(this.#finalReason);
  }

  #forget() {
    this.#position = null;
    this.#runs.clear();
    this.questions = [];
    this.#tell();
  }

  async #follow(threadId, from) {
    this.#following = false;
    await this.#request('switch_thread', { threadId, ...from }, ({ epoch }) => {
      this.#position = new LogPosition(threadId, from.after, epoch);
      this.#following = true;
    });
  }

  async #learnEpoch() {
    const position = this.#position;
    const { epoch } = await this.#request('get_thread_history', { threadId: position.threadId, limit: 1 });
    position.epoch = epoch;
  }

  /**
   * Asks until there is an answer, on as many connections as it takes. `onAnswer` runs before any event behind the
   * answer is looked at. Throws what the server refuses.
   */
  async #request(name, payload, onAnswer = () => undefined) {
    for (let passing = 0; ;) {
      await this.connected();
      const answer = await new Promise((resolve) => {
        this.#socket.timeout(ANSWER_MS).emit(name, payload, (lost, given) => {
          if (lost === null && given.ok) onAnswer(given);
          resolve(lost === null ? given : null);
        });
      });
      if (answer === null) continue;
      if (answer.ok) return answer;
      const { code, message, details } = answer.error;
      passing += 1;
      if (!PASSING.includes(code) || passing > 20) throw new Error(`${message} (${code})`);
      await new Promise((resolve) => setTimeout(resolve, details?.retryAfterMs ?? RETRY_MS));
    }
  }

  async #until(condition) {
    while (!condition()) {
      if (this.#finalReason !== null) throw new Error(this.#finalReason);
      await new Promise((resolve) => this.#waiters.add(resolve));
    }
  }

  #tell() {
    for (const resolve of this.#waiters) resolve();
    this.#waiters.clear();
  }
}

/** What was typed, as the form that was asked for. */
function valueOf(text, schema) {
  if (schema === undefined || schema?.type === 'string') return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
