/**
 * A conversation with a running Threadcast in the terminal:
 *
 *     npm run chat -- [URL] [--user NAME] [--thread ID] [--agent NAME] [--metadata JSON] [--token TOKEN]
 *
 * Without a token (--token, or TOKEN in the environment) it asks the server for a development token. With its input from
 * a pipe it sends line by line, each when the one before is answered, and ends after the last answer.
 */
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

import { Conversation } from './support/conversation.mjs';
import { Screen } from './support/screen.mjs';
import { ask, developmentToken, serverUrl } from './support/server.mjs';

const HELP = `A line is a message, or the answer to a question of the agent. Commands:
  /threads     your threads          /new         begin a new thread
  /switch ID   go on in a thread     /history     all that was said in this one
  /stop        stop the agent        /quit        end`;

/** How long a conversation that nobody watches waits for a server that has gone. */
const GIVE_UP_MS = 60_000;

const LEAVE_MS = 2_000;

const screen = new Screen();
const leave = new AbortController();

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      user: { type: 'string', default: process.env.USER || 'guest' },
      thread: { type: 'string' },
      agent: { type: 'string' },
      metadata: { type: 'string' },
      token: { type: 'string', default: process.env.TOKEN || undefined },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return screen.note(`npm run chat -- [URL] [--user NAME] [--thread ID] [--token TOKEN]\n\n${HELP}`);

  const url = serverUrl(positionals[0] ?? 'http://localhost:3000');
  await ready(url);
  const renewToken = values.token === undefined ? () => developmentToken(url, values.user) : undefined;
  const token = values.token ?? (await ownToken(renewToken));
  const attended = process.stdin.isTTY === true;
  const options = {
    url,
    token,
    renewToken,
    agent: values.agent,
    metadata: values.metadata === undefined ? undefined : JSON.parse(values.metadata),
    onFinal: fail,
    onLost: attended ? undefined : giveUpLater,
  };
  const conversation = new Conversation(options, screen);
  leave.signal.addEventListener('abort', () => conversation.close());
  await conversation.connected();
  if (values.thread !== undefined) await conversation.open(values.thread);
  await converse(conversation, { url, token, attended });
  conversation.close();
  screen.endLine();
  if (!attended && conversation.failures > 0) process.exitCode = 1;
}

/** Throws where nobody answers; waits while the server starts. */
async function ready(url) {
  let said = false;
  for (;;) {
    const response = await ask(url, '/health/ready');
    const { status } = await response.json().catch(() => ({}));
    if (response.status !== 503) return;
    if (!said) screen.note(`(the server is not ready, it says '${status}'; waiting)`);
    said = true;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

async function ownToken(mint) {
  try {
    return await mint();
  } catch (error) {
    throw new Error(`${error.message}\nGive a token of your issuer: --token TOKEN, or TOKEN in the environment.`, {
      cause: error,
    });
  }
}

/** Reads lines until there are no more, or until /quit. */
async function converse(conversation, { url, token, attended }) {
  const lines = createInterface({
    input: process.stdin,
    ...(attended && { output: process.stderr, prompt: '> ' }),
  });
  leave.signal.addEventListener('abort', () => lines.close());
  const closed = new Promise((resolve) => lines.once('close', resolve));
  let tail = Promise.resolve();
  if (attended) screen.note(HELP);
  lines.prompt();
  lines.on('line', (text) => {
    const line = text.trim();
    if (line === '/quit') return lines.close();
    const take = () => obey(line, conversation, { url, token }).catch((error) => refused(conversation, error));
    // Whoever watches may stop an agent or say more meanwhile; a pipe waits for each answer.
    tail = tail.then(take);
    if (!attended) tail = tail.then(() => conversation.settled());
    tail = tail.then(() => lines.prompt()).catch(() => undefined);
  });
  await closed;
  if (!attended) await tail;
}

async function obey(line, conversation, { url, token }) {
  const [command, argument] = line.split(/\s+/);
  if (line === '') return;
  if (command === '/threads') await listThreads(url, token, conversation.threadId);
  else if (command === '/new') await conversation.leave();
  else if (command === '/switch' && argument !== undefined) await conversation.open(argument);
  else if (command === '/history') await conversation.history();
  else if (command === '/stop') screen.aside(`(${await conversation.stop()} stopped)`);
  else if (/^\/\w*$/.test(command)) screen.note(HELP);
  else if (conversation.questions.length > 0) await conversation.answer(line);
  else await conversation.send(line);
}

async function listThreads(url, token, present) {
  const response = await ask(url, '/api/threads?limit=50', { headers: { authorization: `Bearer ${token}` } });
  const { threads, detail } = await response.json();
  if (threads === undefined) throw new Error(detail);
  for (const { threadId, title, head, activeRuns } of threads) {
    const state = activeRuns > 0 ? `, ${activeRuns} running` : '';
    screen.note(`${threadId === present ? '*' : ' '} ${threadId}  ${title ?? ''} (${head} events${state})`);
  }
}

function refused(conversation, error) {
  if (leave.signal.aborted) return;
  conversation.failures += 1;
  screen.note(`! ${error.message}`);
}

function giveUpLater(isAway) {
  setTimeout(() => isAway() && fail(`The server has been away for ${GIVE_UP_MS / 1_000} s.`), GIVE_UP_MS).unref();
}

/** Once; the connection is closed in order, and the process ends when it is. */
function fail(reason) {
  if (leave.signal.aborted) return;
  screen.note(reason);
  process.exitCode = 1;
  leave.abort();
  setTimeout(() => process.exit(), LEAVE_MS).unref();
}

main().catch((error) => fail(error.message));
