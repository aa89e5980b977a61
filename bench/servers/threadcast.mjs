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

answerCalls({
  async listen() {
    const root = AppModule.forRoot(config, [BenchModule]);
    served = await serve(config, { logger, createApp: (adapter) => NestFactory.create(root, adapter) });
    process.on('exit', () => given ?? rmSync(dataDir, { recursive: true, force: true }));
    return { port: Number(new URL(served.url).port) };
  },
  /** Resolves when so many runs have what they produce in the log. */
  produced: (asked) =>
    new Promise((resolve) => {
      allProduced = () => produced >= asked && resolve();
      allProduced();
    }),
  /** As on SIGTERM. */
  close: () => served.drainAndClose(),
});
