import { PEERS } from './peers.mjs';
import { Child } from './process.mjs';

/** How often it is asked whether a run has ended, outside of everything that is measured. */
const ASK_MS = 20;

/** A server without HTTP of its own: its agents are started by a call. */
class PeerServer extends Child {
  listen() {
    return this.call('listen');
  }

  makeThreads(count) {
    return this.call('makeThreads', count);
  }

  /** Resolves when all is emitted. */
  run(threadId, work) {
    return this.call('run', threadId, work);
  }
}

/** Threadcast. What any client would ask over HTTP is asked from here, so that the asking is no cost of the server's process. */
export class ThreadcastServer extends Child {
  #url;
  #token;
  #asked = 0;

  /** Without a token it is given one. */
  constructor(env = {}, token = null) {
    super(PEERS.batch.module, [], env);
    this.#token = token;
  }

  async listen() {
    const { port } = await this.call('listen');
    this.#url = `http://127.0.0.1:${port}`;
    this.#token ??= (await this.#ask('POST', '/dev/token', { userId: 'bench' })).token;
    return { port, token: this.#token };
  }

  async makeThreads(count) {
    const threadIds = [];
    for (let index = 0; index < count; index += 1) {
      threadIds.push((await this.#ask('POST', '/api/threads', {})).threadId);
    }
    return threadIds;
  }

  /** Resolves when it is started; the clients see its end. */
  run(threadId, work) {
    this.#asked += 1;
    return this.#ask('POST', `/api/threads/${threadId}/runs`, { agent: 'bench', input: work });
  }

  /** Resolves when every run that was asked for has what it produces in the log. */
  produced() {
    return this.call('produced', this.#asked);
  }

  /** The heads of these threads, once no run of theirs is under way any more. */
  async headsOfEnded(threadIds) {
    const heads = [];
    for (const threadId of threadIds) heads.push(await this.#headOfEnded(threadId));
    return heads;
  }

  async #headOfEnded(threadId) {
    for (;;) {
      const { head, activeRuns } = await this.#ask('GET', `/api/threads/${threadId}`);
      if (activeRuns === 0) return head;
      await new Promise((resolve) => setTimeout(resolve, ASK_MS));
    }
  }

  async #ask(method, path, body) {
    const response = await fetch(`${this.#url}${path}`, {
      method,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${this.#token}` },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }
}

/** The process of a peer, by its name. */
export function serverOf(peer, env = {}) {
  const { module, args } = PEERS[peer];
  return module === PEERS.batch.module ? new ThreadcastServer(env) : new PeerServer(module, args, env);
}
