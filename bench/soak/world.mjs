import { request } from 'node:http';

import { LightClient } from '../support/light-client.mjs';

/** Nothing here takes so long; what does is a fault. */
const PATIENCE_MS = 60_000;

/** The server as the stories of a soak see it: users, connections, HTTP; and the faults that they have found. */
export class World {
  faults = [];
  counts = { connections: 0, events: 0, runs: 0, streams: 0, requests: 0 };
  #port;
  #tokens = new Map();
  #open = new Set();

  constructor(port) {
    this.#port = port;
  }

  async token(userId, roles = []) {
    const known = this.#tokens.get(userId);
    if (known !== undefined) return known;
    const { token } = await this.http('POST', '/dev/token', { body: { userId, roles } });
    this.#tokens.set(userId, token);
    return token;
  }

  /** The body of the answer, which has to have this status. Every request has a TCP connection of its own. */
  async http(method, path, { as, body, token, status = null } = {}) {
    const bearer = token ?? (as === undefined ? null : await this.token(as));
    this.counts.requests += 1;
    const answer = await new Promise((resolve, reject) => {
      const headers = {
        ...(bearer !== null && { authorization: `Bearer ${bearer}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      };
      const sent = request({ port: this.#port, host: '127.0.0.1', agent: false, method, path, headers }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk) => (text += chunk));
        response.on('end', () => resolve({ status: response.statusCode, text }));
      });
      sent.on('error', reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
    const fits = status === null ? answer.status < 300 : answer.status === status;
    if (!fits) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return answer.text.startsWith('{') ? JSON.parse(answer.text) : answer.text;
  }

  /** A connection that is ready. `heard(pattern)` waits for an event or a signal, past or to come. */
  async connect(userId, { frames = 'single', token } = {}) {
    const client = this.dial({ token: token ?? (await this.token(userId)), ...(frames === 'batch' && { frames }) });
    await client.ready;
    return client;
  }

  dial(auth) {
    const told = [];
    const waiting = new Set();
    const tell = (thing) => {
      told.push(thing);
      for (const look of waiting) look();
    };
    const client = new LightClient({
      port: this.#port,
      auth,
      anyEnd: true,
      onEvent: tell,
      onSignal: (name, data) => tell({ type: name, ...data }),
    });
    this.counts.connections += 1;
    this.#open.add(client);
    // Who closes before it was ready has its reason.
    client.ready.catch(() => undefined);
    client.heard = (what, fits) =>
      patience(
        what,
        new Promise((resolve) => {
          const look = () => {
            const found = told.find(fits);
            if (found === undefined) return;
            waiting.delete(look);
            resolve(found);
          };
          waiting.add(look);
          look();
        }),
      );
    client.told = told;
    return client;
  }

  /** Ends a connection; its streams are judged. */
  leave(client) {
    if (client.fault !== null) this.faults.push(`a stream has a hole: ${client.fault}`);
    this.counts.events += client.events;
    this.#open.delete(client);
    client.close();
  }

  leaveAll() {
    for (const client of [...this.#open]) this.leave(client);
  }

  /** Resolves when the client has everything of a thread whose runs have ended. */
  async complete(client, threadId, as) {
    const { head } = await this.http('GET', `/api/threads/${threadId}`, { as });
    await client.heard(`event ${head} of ${threadId}`, (event) => event.threadId === threadId && event.seq >= head);
  }

  /** An event stream over HTTP, read until `enough(ids)` holds, then left. Gives the ids that came. */
  async stream(threadId, as, lastEventId, enough) {
    const token = await this.token(as);
    this.counts.streams += 1;
    const headers = {
      accept: 'text/event-stream',
      authorization: `Bearer ${token}`,
      ...(lastEventId !== null && { 'last-event-id': lastEventId }),
    };
    const path = `/api/threads/${threadId}/events`;
    return patience(
      `a stream of ${threadId}`,
      new Promise((resolve, reject) => {
        const ids = [];
        const sent = request({ port: this.#port, host: '127.0.0.1', agent: false, path, headers }, (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk) => {
            text += chunk;
            const whole = text.split('\n\n');
            text = whole.pop();
            for (const block of whole) {
              const id = /^id: ?(.*)$/m.exec(block)?.[1];
              const data = /^data: ?(.*)$/m.exec(block)?.[1];
              if (id !== undefined && data !== undefined) ids.push({ id, envelope: JSON.parse(data) });
            }
            if (!enough(ids)) return;
            resolve(ids);
            response.destroy();
          });
          response.on('error', () => undefined);
        });
        sent.on('error', reject);
        sent.end();
      }),
    );
  }
}

function patience(what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: did not come`)), PATIENCE_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
