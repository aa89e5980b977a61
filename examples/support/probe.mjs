import { io } from 'socket.io-client';

/** Why a step failed, in words, and where to look. */
export class Problem extends Error {
  constructor(message, hint) {
    super(message);
    this.hint = hint;
  }
}

/** A stock client that keeps everything that comes, from its birth on, so that no wait can miss an event. */
export class Probe {
  /** `{ name, data }` of all that came, in order. */
  frames = [];
  #patienceMs;
  #waiters = new Set();

  constructor(url, patienceMs, options = {}) {
    this.#patienceMs = patienceMs;
    this.socket = io(url, { forceNew: true, transports: ['websocket'], reconnectionDelay: 200, ...options });
    this.socket.onAny((name, data) => this.#arrived({ name, data }));
    this.socket.on('disconnect', (reason) => this.#arrived({ name: 'disconnect', data: { reason } }));
    this.socket.on('connect_error', ({ message }) => this.#arrived({ name: 'connect_error', data: { message } }));
  }

  /** The events of a thread, in the order in which they came. */
  events(threadId) {
    return this.frames
      .map(({ data }) => data)
      .filter((data) => data?.threadId === threadId && 'seq' in data && 'data' in data);
  }

  /** The data of the first frame of this name that matches, once it is there. Throws a `Problem` when it does not come. */
  async next(name, hint, matches) {
    return (await this.first([name], hint, matches)).data;
  }

  /** The first frame of any of these names. */
  first(names, hint, matches = () => true) {
    const wanted = ({ name, data }) => names.includes(name) && matches(data);
    return this.#patiently(`'${names.join("' or '")}' did not come`, hint, (resolve) => {
      const present = this.frames.find(wanted);
      if (present !== undefined) return resolve(present);
      const waiter = (frame) => wanted(frame) && this.#waiters.delete(waiter) && resolve(frame);
      this.#waiters.add(waiter);
    });
  }

  /** The answer to a request, whatever it is. */
  request(name, payload) {
    const hint = 'Requests do not get through, or the server is overloaded: look at its log.';
    return this.#patiently(`'${name}' was not answered`, hint, (resolve) => this.socket.emit(name, payload, resolve));
  }

  /** The answer to a request that has to succeed. */
  async demand(name, payload) {
    const answer = await this.request(name, payload);
    if (answer.ok) return answer;
    const { code, message } = answer.error;
    const hint = HINTS[code] ?? 'The code is explained in docs/protocol.md.';
    throw new Problem(`'${name}' was refused: ${message} (${code})`, hint);
  }

  /** Breaks the transport, as a lost network does; the client comes back by itself. */
  drop() {
    this.socket.io.engine.close();
  }

  close() {
    this.socket.close();
  }

  #arrived(frame) {
    this.frames.push(frame);
    for (const waiter of this.#waiters) waiter(frame);
  }

  #patiently(what, hint, begin) {
    return new Promise((resolve, reject) => {
      const seen = () => this.frames.map(({ name }) => name).slice(-5);
      const late = () =>
        reject(
          new Problem(
            `${what} within ${this.#patienceMs} ms; the last that came: ${seen().join(', ') || 'nothing'}.`,
            hint,
          ),
        );
      const timer = setTimeout(late, this.#patienceMs);
      begin((value) => {
        clearTimeout(timer);
        resolve(value);
      });
    });
  }
}

const HINTS = {
  agent_not_found: 'The agent echo is built in; this server seems to leave it out.',
  internal: 'The error id in the message is in the server’s log, with the reason.',
  storage_unavailable: 'Is the disk full, or the database away? See GET /health/ready.',
  draining: 'The server is about to close; ask again when it is back.',
};
