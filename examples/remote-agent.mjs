/**
 * An agent in a process of its own, for a running Threadcast, with nothing but fetch:
 *
 *     node examples/remote-agent.mjs [URL] --thread ID [--text TEXT] [--ask QUESTION] [--run ID] [--help]
 *
 * It registers a run on the thread, says its text a few words at a time, and ends the run. What is not answered is sent
 * again as it is: each event has a name of its own, by which the server knows what it has. Killed in the middle and
 * started again with the same --run and --text, it goes on where it was.
 */
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';

const HELP = `node examples/remote-agent.mjs [URL] --thread ID [options]

  --thread ID      the thread to say something on
  --text TEXT      what to say; without it, a greeting
  --ask QUESTION   asks the user first, and says the answer
  --run ID         the id of the run; one that is there already is taken up
  --agent NAME     the name that users see (remote)
  --batch N        words in one request (10)
  --delay MS       wait between requests (100)
  --patience S     how long a server that does not answer is asked again (60)
  --user NAME      whom a development token is for (remote-agent)
  --token TOKEN    a token with the role producer; or TOKEN in the environment`;

const ANSWER_TIMEOUT_MS = 10_000;
const LONGEST_DELAY_MS = 2_000;
const POLL_MS = 500;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The server has understood, and says no. */
class Refused extends Error {
  constructor({ code, detail, status, retryable }) {
    super(`${code ?? status}: ${detail ?? 'no reason was given'}`);
    this.code = code;
    this.retryable = retryable ?? status >= 500;
  }
}

class Unreachable extends Error {}

/** Asks the server, and asks again where it does not answer or says that trying again helps. */
class Server {
  constructor(url, patienceMs) {
    this.url = url.replace(/\/+$/, '');
    this.patienceMs = patienceMs;
  }

  async ask(method, path, body) {
    const giveUpAt = Date.now() + this.patienceMs;
    for (let delayMs = 50; ; delayMs = Math.min(LONGEST_DELAY_MS, delayMs * 2)) {
      try {
        return await this.#once(method, path, body);
      } catch (error) {
        const mayHelp = !(error instanceof Refused) || error.retryable;
        if (mayHelp && Date.now() + delayMs <= giveUpAt) {
          await sleep(delayMs);
          continue;
        }
        if (error instanceof Refused) throw error;
        throw new Unreachable(`The server cannot be reached: ${error.cause?.message ?? error.message}`);
      }
    }
  }

  async #once(method, path, body) {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        'content-type': 'application/json',
        ...(this.token === undefined ? {} : { authorization: `Bearer ${this.token}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    });
    const text = await response.text();
    if (response.ok) return JSON.parse(text);
    throw new Refused({ status: response.status, ...problemIn(text) });
  }
}

function problemIn(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

/** The run's id. The name of the request makes it safe to send again: it registers one run, however often it is sent. */
async function register(server, { thread, agent, run }) {
  const request = { external: true, agent, messageId: randomUUID(), ...(run === undefined ? {} : { runId: run }) };
  try {
    return (await server.ask('POST', `/api/threads/${thread}/runs`, request)).runId;
  } catch (error) {
    if (run !== undefined && error.code === 'already_exists') return run;
    throw error;
  }
}

/** The run, once this is true of it. */
async function runWhen(server, runId, isSo) {
  for (;;) {
    const run = await server.ask('GET', `/api/runs/${runId}`);
    if (isSo(run)) return run;
    await sleep(POLL_MS);
  }
}

async function answerTo(server, runId, append, prompt) {
  const requestId = 'question';
  await append([{ type: 'input_requested', data: { requestId, prompt }, eventId: 'asked' }]);
  const mine = ({ inputs }) => inputs.find((input) => input.requestId === requestId);
  const run = await runWhen(server, runId, (asked) => mine(asked).status !== 'open');
  const { status, value } = mine(run);
  if (status !== 'answered') throw new Refused({ code: 'run_ended', detail: `The question is ${status}.` });
  return typeof value === 'string' ? value : JSON.stringify(value);
}

async function work(server, runId, { ask, text, batch, delay }) {
  const append = (events) => server.ask('POST', `/api/runs/${encodeURIComponent(runId)}/events`, { events });
  // A run with the policy `queue` takes events when its turn has come.
  await runWhen(server, runId, ({ status }) => status !== 'queued');
  try {
    const content = ask === undefined ? text : await answerTo(server, runId, append, ask);
    const words = content.match(/\S+\s*/g) ?? [];
    const messageId = 'answer';
    if (!(batch >= 1)) throw new Error('A request needs at least one word.');
    for (let first = 0; first < words.length; first += batch) {
      const piece = words.slice(first, first + batch);
      await append(
        piece.map((word, index) => ({
          type: 'agent_delta',
          data: { messageId, text: word },
          eventId: `word-${first + index}`,
        })),
      );
      await sleep(delay);
    }
    const end = { type: 'agent_completed', data: { messageId, content }, eventId: 'end' };
    return (await append([end])).results[0].seq;
  } catch (error) {
    if (error instanceof Refused || error instanceof Unreachable) throw error;
    // A fault of this process's own is told too.
    const data = { code: 'run_failed', message: error.message, retryable: true };
    await append([{ type: 'agent_error', data, eventId: 'end' }]);
    throw error;
  }
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      thread: { type: 'string' },
      text: { type: 'string', default: 'Hello from another process. It has nothing but fetch.' },
      ask: { type: 'string' },
      run: { type: 'string' },
      agent: { type: 'string', default: 'remote' },
      batch: { type: 'string', default: '10' },
      delay: { type: 'string', default: '100' },
      patience: { type: 'string', default: '60' },
      user: { type: 'string', default: 'remote-agent' },
      token: { type: 'string', default: process.env.TOKEN || undefined },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(HELP);
  if (values.thread === undefined) throw new Error(`On which thread? Give --thread ID.\n\n${HELP}`);

  const server = new Server(positionals[0] ?? 'http://localhost:3000', Number(values.patience) * 1_000);
  const wanted = { userId: values.user, roles: ['producer'] };
  server.token = values.token ?? (await server.ask('POST', '/dev/token', wanted)).token;
  const runId = await register(server, values);
  console.log(`run ${runId}`);
  const options = { ask: values.ask, text: values.text, batch: Number(values.batch), delay: Number(values.delay) };
  console.log(`completed at ${await work(server, runId, options)}`);
}

main().catch((error) => {
  console.error(error.message);
  // Somebody has stopped the run: nothing went wrong here.
  process.exitCode = error.code === 'run_ended' ? 0 : 1;
});
