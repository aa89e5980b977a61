/** The clients of a benchmark, many in one process. */
import { LightClient } from './support/light-client.mjs';
import { answerCalls } from './support/child.mjs';
import { Latencies } from './support/latencies.mjs';
import { nowUs } from './support/work.mjs';

const clients = [];
let latencies = new Latencies();
let left = 0;
let allEnded = () => undefined;

function observe(envelope) {
  const arrived = nowUs();
  if (envelope.type === 'custom') latencies.add(arrived - envelope.data.value.at);
  else if (envelope.type === 'agent_delta' && envelope.data.text[0] !== 'w') {
    for (const stamp of envelope.data.text.trim().split(' ')) latencies.add(arrived - parseInt(stamp, 36));
  }
}

function add({ port, token, frames }, observed, anyEnd) {
  const client = new LightClient({
    port,
    auth: { ...(token === null ? {} : { token }), ...(frames === 'batch' ? { frames } : {}) },
    anyEnd,
    ...(observed && { onEvent: observe }),
    onEnd: () => {
      left -= 1;
      if (left === 0) allEnded();
    },
    onSignal: (name) => {
      if (name === 'thread_caught_up') client.toldCaughtUp();
    },
  });
  client.caughtUp = new Promise((resolve) => (client.toldCaughtUp = resolve));
  clients.push(client);
  return client.ready.then(() => client);
}

answerCalls({
  /** Opens `count` connections, `atOnce` at a time; resolves with the seconds that it took. */
  async connect(server, count, { atOnce = 50, observed = true, anyEnd = false } = {}) {
    const begun = performance.now();
    let next = 0;
    await Promise.all(
      Array.from({ length: Math.min(atOnce, count) }, async () => {
        while (next < count) {
          next += 1;
          await add(server, observed, anyEnd);
        }
      }),
    );
    return (performance.now() - begun) / 1_000;
  },
  /** Connection i follows thread i modulo their number. */
  async follow(threadIds, position = {}) {
    await Promise.all(clients.map((client, index) => client.follow(threadIds[index % threadIds.length], position)));
  },
  /** Resolves when every client has seen `ends` ends of runs; to be called before they begin. */
  expectEnds(ends) {
    left = clients.length * ends;
  },
  /** Resolves when the first `count` clients have seen the end. */
  async endedOf(count) {
    await Promise.all(clients.slice(0, count).map((client) => client.nextEnd()));
  },
  /** Each client says `count` things in a thread of its own, each when the last one is answered and its run has ended. */
  async converse(count, words) {
    await Promise.all(
      clients.map(async (client) => {
        for (let n = 0; n < count; n += 1) {
          client.ended = false;
          await client.request('user_message', { content: 'word '.repeat(words), agent: 'echo' });
          await client.nextEnd();
        }
      }),
    );
  },
  /** Resolves when each client has what was in the log of the thread that it has followed first. */
  async caughtUp() {
    await Promise.all(clients.map((client) => client.caughtUp));
  },
  async ended() {
    if (left > 0) await new Promise((resolve) => (allEnded = resolve));
  },
  reset() {
    latencies = new Latencies();
    for (const client of clients) Object.assign(client, { events: 0, frames: 0, bytes: 0, ended: false });
  },
  stopReading: (index) => clients[index].stopReading(),
  goOnReading: (index) => clients[index].goOnReading(),
  /** Each client has to have this `text` since it is there, and exactly so many `events` since the last reset. */
  report({ text = null, events = null } = {}) {
    const faults = clients.map((client) => client.fault).filter((fault) => fault !== null);
    if (text !== null) {
      const wrong = clients.filter((client) => client.text !== text).length;
      if (wrong > 0) faults.push(`${wrong} streams tell another text`);
    }
    if (events !== null) {
      const wrong = clients.filter((client) => client.events !== events);
      if (wrong.length > 0) faults.push(`${wrong.length} streams are not of ${events} events: ${wrong[0].events}`);
    }
    const sum = (field) => clients.reduce((total, client) => total + client[field], 0);
    return {
      faults,
      events: sum('events'),
      frames: sum('frames'),
      bytes: sum('bytes'),
      latency: latencies.percentiles(),
    };
  },
  eventsOf: () => clients.map(({ seq, events }) => ({ seq, events })),
  closeAll() {
    for (const client of clients.splice(0)) client.close();
  },
});
