import { WebSocket } from 'ws';

/**
 * A client of Socket.IO's protocol over a raw WebSocket, so that what it costs is small beside the server. It checks each
 * stream as it comes: seq after seq without a hole, from the first one on where it was followed by `follow`, and keeps the
 * text, or counts the events.
 */
export class LightClient {
  /** Of the last event. */
  seq = null;
  /** The last seq of each thread, or where following it has begun. */
  positions = new Map();
  words = 0;
  events = 0;
  frames = 0;
  bytes = 0;
  /** What was wrong with the stream, if anything. */
  fault = null;
  ended = false;
  #text = '';
  #socket;
  #answers = new Map();
  #nextId = 1;
  #ready;
  #told = () => undefined;

  /**
   * `onEvent(envelope)` sees each event; `onEnd()` its run's end; `onSignal(name, data)` what has no seq. With `anyEnd` runs
   * may end as they like, and exceptions are the caller's to judge.
   */
  constructor({
    port,
    auth,
    onEvent = () => undefined,
    onEnd = () => undefined,
    onSignal = () => undefined,
    anyEnd = false,
  }) {
    this.onEvent = onEvent;
    this.onEnd = onEnd;
    this.onSignal = onSignal;
    this.anyEnd = anyEnd;
    this.#socket = new WebSocket(`ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`, {
      perMessageDeflate: false,
      skipUTF8Validation: true,
    });
    this.ready = new Promise((resolve, reject) => {
      this.#ready = resolve;
      this.#socket.on('error', reject);
      this.#socket.on('close', () => reject(new Error('the connection was closed')));
    });
    this.closed = new Promise((resolve) => this.#socket.on('close', resolve));
    this.#socket.on('message', (raw) => this.#receive(raw.toString(), auth));
  }

  /** Follows from `after` on, else from the head. What is lost at the beginning is a fault as well. */
  follow(threadId, { after } = {}) {
    const begin = ({ head }) => this.positions.set(threadId, after ?? head);
    return this.request('switch_thread', { threadId, after }, begin);
  }

  /** `onAnswer` sees the answer before anything that comes after it. */
  request(name, payload, onAnswer = () => undefined) {
    const id = this.#nextId;
    this.#nextId += 1;
    this.#socket.send(`42${id}${JSON.stringify([name, payload])}`);
    return new Promise((resolve, reject) =>
      this.#answers.set(id, (answer) => {
        if (!answer.ok) return reject(new Error(JSON.stringify(answer)));
        onAnswer(answer);
        return resolve(answer);
      }),
    );
  }

  /** Reads nothing any more; the kernel's buffers fill, and then the server's. */
  stopReading() {
    this.#socket.pause();
  }

  goOnReading() {
    this.#socket.resume();
  }

  close() {
    this.#socket.terminate();
  }

  /** Resolves when a run has ended since the last reset. */
  nextEnd() {
    return this.ended ? Promise.resolve() : new Promise((resolve) => (this.#told = resolve));
  }

  get text() {
    return this.#text;
  }

  #receive(text, auth) {
    this.bytes += text.length;
    if (text.startsWith('42[')) this.#frame(JSON.parse(text.slice(2)));
    else if (text.startsWith('43')) this.#answer(text);
    else if (text === '2') this.#socket.send('3');
    else if (text.startsWith('0')) this.#socket.send(`40${JSON.stringify(auth)}`);
  }

  #answer(text) {
    const from = text.indexOf('[');
    const id = Number(text.slice(2, from));
    this.#answers.get(id)(JSON.parse(text.slice(from))[0]);
    this.#answers.delete(id);
  }

  #frame([name, data]) {
    if (name === 'connection_ready') this.#ready();
    else if (name === 'exception' && !this.anyEnd) this.fault ??= JSON.stringify(data);
    else if (name === 'events') {
      this.frames += 1;
      for (const envelope of data) this.#event(envelope);
    } else if (data.seq !== undefined && name !== 'thread_activity') {
      this.frames += 1;
      this.#event(data);
    }
    if ((data?.seq === undefined || name === 'thread_activity') && name !== 'events') this.onSignal(name, data);
  }

  #event(envelope) {
    const from = envelope.from ?? envelope.seq;
    const last = this.positions.get(envelope.threadId) ?? null;
    if (last !== null && from !== last + 1) this.fault ??= `after ${last} came ${from}`;
    this.positions.set(envelope.threadId, envelope.seq);
    this.seq = envelope.seq;
    this.events += envelope.seq - from + 1;
    if (envelope.type === 'agent_delta') this.#text += envelope.data.text;
    this.onEvent(envelope);
    if (envelope.type === 'agent_completed' || envelope.type === 'agent_error' || envelope.type === 'agent_cancelled') {
      this.ended = true;
      if (envelope.type !== 'agent_completed' && !this.anyEnd) this.fault ??= JSON.stringify(envelope);
      this.onEnd();
      this.#told();
    }
  }
}
