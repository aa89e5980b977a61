import { setTimeout as later } from 'node:timers/promises';

/** What `act` costs each part, in CPU seconds, and how long it took. */
async function costOf({ nodes, database, bus }, act) {
  await nodes.all('mark');
  await database.watch();
  const redisBefore = (await bus?.cpuSeconds()) ?? 0;
  const begun = performance.now();
  await act();
  const seconds = (performance.now() - begun) / 1_000;
  const costs = await nodes.all('cost');
  return {
    seconds,
    nodes: costs.map(({ cpuSeconds }) => cpuSeconds),
    postgres: await database.watched(),
    redis: bus === null ? null : (await bus.cpuSeconds()) - redisBefore,
  };
}

const sum = (values) => values.reduce((total, value) => total + value, 0);

/**
 * Runs that produce as fast as they can, and clients that follow. `followed`: where the clients of a thread are, seen from the
 * node that executes its run: `here`, all `elsewhere`, or on `every` node.
 */
export async function delivery(cluster, { threads, clients, events }, followed) {
  const { nodes } = cluster;
  const count = nodes.servers.length;
  const [threadIds] = await Promise.all([nodes.servers[0].makeThreads(threads), nodes.connect(clients / count)]);
  const part = (index) => threadIds.filter((_, place) => place % count === index % count);
  await nodes.clients('follow', (index) => [followed === 'every' ? threadIds : part(index)]);
  const runAt = (place) => nodes.servers[(place + (followed === 'elsewhere' ? 1 : 0)) % count];
  // The first round warms everything up and is not counted.
  let cost;
  for (const kept of [false, true]) {
    await nodes.clients('reset');
    await nodes.clients('expectEnds', () => [1]);
    cost = await costOf(cluster, async () => {
      const work = { kind: 'events', count: kept ? events : Math.ceil(events / 5) };
      await Promise.all(threadIds.map((threadId, place) => runAt(place).run(threadId, work)));
      await nodes.clients('ended');
    });
  }
  // Beside what the run produces there are its beginning and its end.
  const reports = await nodes.clients('report', () => [{ events: events + 2 }]);
  await nodes.clients('closeAll');
  const deliveries = sum(reports.map((report) => report.events));
  const faults = reports.flatMap((report) => report.faults);
  return {
    faults,
    figures: {
      deliveriesPerCpuSecond: deliveries / sum(cost.nodes),
      perNode: cost.nodes.map((cpuSeconds) => deliveries / count / cpuSeconds),
      postgresUsPerEvent: cost.postgres === null ? null : (cost.postgres * 1e6) / (events * threads),
      redisUsPerEvent: cost.redis === null ? null : (cost.redis * 1e6) / (events * threads),
      seconds: cost.seconds,
    },
  };
}

/** Clients of as many users, each of which says something and waits for the end of its answer, again and again. */
export async function runs(cluster, { talkers, messages, words }) {
  const { nodes } = cluster;
  const count = nodes.servers.length;
  for (let user = 0; user < talkers / count; user += 1) await nodes.connect(1, `talker${user}`);
  await nodes.clients('converse', () => [2, words]);
  const cost = await costOf(cluster, () => nodes.clients('converse', () => [messages, words]));
  const reports = await nodes.clients('report');
  await nodes.clients('closeAll');
  const started = talkers * messages;
  return {
    faults: reports.flatMap((report) => report.faults),
    figures: {
      runsPerSecond: started / cost.seconds,
      nodeMsPerRun: (sum(cost.nodes) * 1_000) / started,
      postgresMsPerRun: cost.postgres === null ? null : (cost.postgres * 1_000) / started,
      redisMsPerRun: cost.redis === null ? null : (cost.redis * 1_000) / started,
    },
  };
}

/** Clients that follow threads in which nothing happens. */
export async function idle(cluster, { threads, clients, idleMs }) {
  const { nodes, database, bus } = cluster;
  const count = nodes.servers.length;
  const redisBefore = (await bus?.memoryBytes()) ?? 0;
  const [threadIds] = await Promise.all([nodes.servers[0].makeThreads(threads), nodes.connect(clients / count)]);
  await nodes.clients('follow', () => [threadIds]);
  const cost = await costOf(cluster, () => later(idleMs));
  const figures = {
    nodePercent: cost.nodes.map((cpuSeconds) => (100 * cpuSeconds) / cost.seconds),
    postgresPercent: cost.postgres === null ? null : (100 * cost.postgres) / cost.seconds,
    redisPercent: cost.redis === null ? null : (100 * cost.redis) / cost.seconds,
    postgresConnections: await database.connections(),
    redisConnections: (await bus?.connections()) ?? null,
    redisBytesMore: bus === null ? null : (await bus.memoryBytes()) - redisBefore,
  };
  await nodes.clients('closeAll');
  return { faults: [], figures };
}
