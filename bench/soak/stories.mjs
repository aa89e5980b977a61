/**
 * What clients do in a round of a soak. Each story is a user's way through the server, with a fixed amount of work; it ends
 * with everything seen that there was to see, and throws where something is not as it should be.
 */
const TEXT = 'to be or not to be that is the question ';
const ENDS = ['agent_completed', 'agent_error', 'agent_cancelled'];

async function run(world, client, payload) {
  world.counts.runs += 1;
  const { threadId, runId } = await client.request('start_agent', { agent: 'echo', ...payload });
  return { threadId, runId };
}

const ended = (client, runId, type = null) =>
  client.heard(
    `the end of ${runId}`,
    (event) => event.runId === runId && (type === null ? ENDS.includes(event.type) : event.type === type),
  );

/** A new chat, a second thread in the middle of an answer, and back with the cursor. */
async function switching(world, user, frames) {
  const client = await world.connect(user, { frames });
  world.counts.runs += 1;
  const first = await client.request('user_message', { content: TEXT, metadata: { echo: { repeat: 3, delayMs: 2 } } });
  await client.heard('a word', (event) => event.type === 'agent_delta');
  const { threadId } = await client.request('create_thread', { title: 'the other' });
  await client.request('switch_thread', { threadId, after: 0 });
  const second = await run(world, client, { threadId, input: { text: TEXT, delayMs: 1 } });
  await client.request('subscribe_thread', { threadId });
  await client.request('switch_thread', {
    threadId: first.threadId,
    after: client.positions.get(first.threadId) ?? 0,
  });
  await Promise.all([ended(client, first.runId, 'agent_completed'), ended(client, second.runId, 'agent_completed')]);
  for (const id of [first.threadId, threadId]) await world.complete(client, id, user);
  await client.request('ack_events', { threadId, seq: client.positions.get(threadId) });
  await client.request('unsubscribe_thread', { threadId });
  world.leave(client);
  return [first.threadId, threadId];
}

/** Runs that are stopped, fail, ask, and interrupt each other. */
async function endings(world, user) {
  const client = await world.connect(user);
  const { threadId } = await client.request('create_thread', {});
  await client.request('switch_thread', { threadId, after: 0 });
  const long = { text: TEXT, repeat: 1_000, delayMs: 5 };
  const stopped = await run(world, client, { threadId, input: long });
  await client.heard('a word', (event) => event.type === 'agent_delta');
  await client.request('stop_agent', { runId: stopped.runId });
  await ended(client, stopped.runId, 'agent_cancelled');
  const failing = await run(world, client, { threadId, input: { text: TEXT, failAfter: 3 } });
  await ended(client, failing.runId, 'agent_error');
  const asking = await run(world, client, { threadId, input: { text: TEXT, ask: 'Which one?' } });
  const { data } = await client.heard('a question', ({ type }) => type === 'input_requested');
  await client.request('provide_input', { runId: asking.runId, requestId: data.requestId, value: 'this one' });
  await ended(client, asking.runId, 'agent_completed');
  const silent = await run(world, client, { threadId, input: { text: TEXT, stallAfter: 2 } });
  const queued = await run(world, client, { threadId, input: TEXT });
  const next = await run(world, client, { threadId, input: TEXT, policy: 'interrupt' });
  await ended(client, silent.runId, 'agent_cancelled');
  for (const { runId } of [next, queued]) await ended(client, runId, 'agent_completed');
  await world.complete(client, threadId, user);
  world.leave(client);
  return [threadId];
}

/** The connection is cut off in the middle of an answer; another one goes on from its cursor. */
async function dropping(world, user) {
  const client = await world.connect(user);
  const { threadId } = await client.request('create_thread', {});
  await client.request('switch_thread', { threadId, after: 0 });
  const { runId } = await run(world, client, { threadId, input: { text: TEXT, repeat: 5, delayMs: 2 } });
  await client.heard('a word', (event) => event.type === 'agent_delta');
  const seen = client.positions.get(threadId);
  world.leave(client);
  const back = await world.connect(user, { frames: 'batch' });
  back.positions.set(threadId, seen);
  await back.request('switch_thread', { threadId, after: seen });
  await ended(back, runId, 'agent_completed');
  await world.complete(back, threadId, user);
  world.leave(back);
  return [threadId];
}

/** Two readers that stop reading: one goes on, one is cut off as it is. */
async function slowReaders(world, user) {
  const [starter, slow, gone] = await Promise.all([0, 1, 2].map(() => world.connect(user)));
  const { threadId } = await starter.request('create_thread', {});
  for (const client of [starter, slow, gone]) await client.request('switch_thread', { threadId, after: 0 });
  for (const client of [slow, gone]) client.stopReading();
  const { runId } = await run(world, starter, { threadId, input: { text: 'x'.repeat(2_000), repeat: 4_000 } });
  await ended(starter, runId, 'agent_completed');
  world.leave(gone);
  slow.goOnReading();
  await world.complete(slow, threadId, user);
  await world.complete(starter, threadId, user);
  for (const client of [starter, slow]) world.leave(client);
  return [threadId];
}

/** Sharing, taking back in the middle of an answer, and deleting under a follower and a run. */
async function members(world, user) {
  const guest = `${user}-guest`;
  const [owner, invited] = await Promise.all([world.connect(user), world.connect(guest, { frames: 'batch' })]);
  const { threadId } = await owner.request('create_thread', {});
  await owner.request('switch_thread', { threadId, after: 0 });
  await world.http('PUT', `/api/threads/${threadId}/members/${guest}`, { as: user });
  await invited.request('subscribe_thread', { threadId, after: 0 });
  const { runId } = await run(world, owner, { threadId, input: { text: TEXT, repeat: 10, delayMs: 2 } });
  await invited.heard('a word', (event) => event.type === 'agent_delta');
  await world.http('DELETE', `/api/threads/${threadId}/members/${guest}`, { as: user });
  await invited.heard('the goodbye', ({ type }) => type === 'thread_detached');
  const removal = await owner.heard(
    'the removal',
    ({ type, data }) => type === 'thread_updated' && data.members?.length === 0,
  );
  await ended(owner, runId, 'agent_completed');
  await invited.request('ping', {});
  if (invited.positions.get(threadId) >= removal.seq)
    world.faults.push('a removed member was told of its removal or more');
  const last = await run(world, owner, { threadId, input: { text: TEXT, repeat: 1_000, delayMs: 5 } });
  await owner.heard('its beginning', (event) => event.runId === last.runId);
  await world.http('DELETE', `/api/threads/${threadId}`, { as: user });
  await owner.heard('the goodbye', ({ type }) => type === 'thread_detached');
  for (const client of [owner, invited]) world.leave(client);
  return [];
}

/** A run of another process, told in pieces, each sent twice; read by event streams that come back. */
async function external(world, user) {
  const producer = await world.token('producer', ['producer']);
  const { threadId } = await world.http('POST', '/api/threads', { as: user, body: {} });
  const registration = { external: true, agent: 'elsewhere' };
  const { runId } = await world.http('POST', `/api/threads/${threadId}/runs`, { token: producer, body: registration });
  world.counts.runs += 1;
  const first = world.stream(threadId, user, null, (ids) => ids.length >= 5);
  const pieces = Array.from({ length: 10 }, (_, piece) =>
    Array.from({ length: 5 }, (_, index) => ({
      type: 'custom',
      data: { name: 'soak', value: piece * 5 + index },
      eventId: `e${piece * 5 + index}`,
    })),
  );
  pieces.push([{ type: 'agent_completed', data: { content: '', durationMs: 1 }, eventId: 'end' }]);
  for (const events of pieces) {
    for (const repeated of [false, true]) {
      const sent = { token: producer, body: { events } };
      const { results } = await world.http('POST', `/api/runs/${runId}/events`, sent);
      if (!results.every(({ duplicate }) => duplicate === repeated)) world.faults.push('a duplicate was not known');
    }
  }
  const seen = await first;
  const { head } = await world.http('GET', `/api/threads/${threadId}`, { as: user });
  const rest = await world.stream(threadId, user, seen.at(-1).id, (ids) => ids.at(-1)?.envelope.seq === head);
  let last = 0;
  for (const { envelope } of [...seen, ...rest]) {
    if ((envelope.from ?? envelope.seq) !== last + 1) world.faults.push(`a stream: after ${last} came ${envelope.seq}`);
    last = envelope.seq;
  }
  world.counts.events += last;
  return [threadId];
}

/** Those that are not let in, and one that leaves before it has said who it is. */
async function strangers(world) {
  const bad = Array.from({ length: 3 }, () => world.dial({ token: 'no token at all' }));
  for (const client of bad) await client.heard('a refusal', ({ type }) => type === 'exception');
  await world.http('GET', '/api/threads', { token: 'neither', status: 401 });
  const shy = world.dial({});
  await shy.heard('its welcome', ({ type }) => type === 'connection_accepted');
  for (const client of [...bad, shy]) world.leave(client);
  return [];
}

/** All that a round does, as functions that give the threads which they leave behind. */
export function storiesOf(world, round) {
  // Few users, so that what is kept per user is soon all there.
  const user = (name) => `${name}-${round % 3}`;
  const story = (name, tell) => () =>
    tell().catch((error) => {
      world.faults.push(`${name}: ${error.message}`);
      return [];
    });
  return [
    ...['single', 'batch', 'single', 'batch'].map((frames, index) =>
      story('switching', () => switching(world, user(`switcher${index}`), frames)),
    ),
    ...[0, 1].map((index) => story('endings', () => endings(world, user(`ender${index}`)))),
    ...[0, 1].map((index) => story('dropping', () => dropping(world, user(`dropper${index}`)))),
    story('slow readers', () => slowReaders(world, user('slow'))),
    ...[0, 1].map((index) => story('members', () => members(world, user(`owner${index}`)))),
    ...[0, 1].map((index) => story('external', () => external(world, user(`watcher${index}`)))),
    story('strangers', () => strangers(world)),
  ];
}
