/**
 * The server of this repository as it is built, with one agent of its own, on a fresh or a given DATA_DIR; or with BENCH_NODE, a
 * part of the environment as JSON, as a node of a cluster.
 */
import 'reflect-metadata';

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

import { Agent, AgentRunner, AppModule, PinoLogger, loadConfig, serve } from '../../dist/index.js';
import { answerCalls } from '../support/child.mjs';
import { itemsOf, produce } from '../support/work.mjs';

let asked = 0;
let produced = 0;
let allProduced = () => undefined;

/** Produces what it is asked to, and keeps at most so many events unsettled as its context allows. */
class BenchAgent extends AgentRunner {
  async run(context) {
    const work = context.input;
    let last = Promise.resolve();
    await produce({ ...work, make: itemsOf(work) }, (item) => {
      last = typeof item === 'string' ? context.write(item) : context.emit('custom', item);
    });
    await last;
    produced += 1;
    allProduced();
    return { content: '' };
  }
}
Agent({ name: 'bench' })(BenchAgent);

class BenchModule {}
Module({ providers: [BenchAgent] })(BenchModule);

const given = process.env.BENCH_DATA_DIR;
const dataDir = given ?? mkdtempSync(join(tmpdir(), 'threadcast-bench-'));
const node = JSON.parse(process.env.BENCH_NODE ?? '{}');
const config = loadConfig({
  PORT: '0',
  DATA_DIR: dataDir,
  LOG_LEVEL: 'warn',
  MAX_CONNECTIONS_PER_USER: '20000',
  MAX_UNAUTHENTICATED_CONNECTIONS: '20000',
  MAX_RUNS_PER_USER: '1000',
  ...node,
});
const logger = new PinoLogger(config.logLevel);
Logger.overrideLogger(logger.levels);
Logger.overrideLogger(logger);

let served;
let url;
let token;

async function post(path, body) {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

answerCalls({
  async listen() {
    const root = AppModule.forRoot(config, [BenchModule]);
    served = await serve(config, { logger, createApp: (adapter) => NestFactory.create(root, adapter) });
    url = served.url;
    token = process.env.BENCH_TOKEN ?? (await post('/dev/token', { userId: 'bench' })).token;
    process.on('exit', () => given ?? rmSync(dataDir, { recursive: true, force: true }));
    return { port: Number(new URL(url).port), token };
  },
  async makeThreads(count) {
    const threadIds = [];
    for (let index = 0; index < count; index += 1) threadIds.push((await post('/api/threads', {})).threadId);
    return threadIds;
  },
  /** Resolves when no run is under way any more. */
  async runsEnded() {
    for (;;) {
      const { threads } = await (
        await fetch(`${url}/api/threads`, { headers: { authorization: `Bearer ${token}` } })
      ).json();
      if (threads.every(({ activeRuns }) => activeRuns.length === 0 || activeRuns === 0)) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  },
  /** Resolves when every run that was asked for here has what it produces in the log. */
  produced: () =>
    new Promise((resolve) => {
      allProduced = () => produced >= asked && resolve();
      allProduced();
    }),
  /** Started as by any client, over HTTP; the clients see its end. */
  run(threadId, work) {
    asked += 1;
    return post(`/api/threads/${threadId}/runs`, { agent: 'bench', input: work });
  },
  /** As on SIGTERM. */
  close: () => served.drainAndClose(),
});
