/**
 * The server of this repository as it is built, for the soak: its own agents alone. What it remembers of followings that
 * have ended is bounded more tightly than by default, so that this memory is full soon and can be told from a leak.
 */
import 'reflect-metadata';

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

import { HistoryBounds } from '../../dist/delivery/following-history.js';
import { AppModule, PinoLogger, loadConfig, serve } from '../../dist/index.js';
import { answerCalls } from '../support/child.mjs';

const dataDir = mkdtempSync(join(tmpdir(), 'threadcast-soak-'));
process.on('exit', () => rmSync(dataDir, { recursive: true, force: true }));
const config = loadConfig({ PORT: '0', DATA_DIR: dataDir, LOG_LEVEL: 'error', MAX_RUNS_PER_USER: '1000' });
const logger = new PinoLogger(config.logLevel);
Logger.overrideLogger(logger.levels);
Logger.overrideLogger(logger);

const kept = [];
/** Defects that can be put in, to see that they are found: each is done at the end of a round. */
const DEFECTS = {
  heap: () => kept.push(Array.from({ length: 20_000 }, (_, index) => ({ index }))),
  listeners: () => process.on('warning', () => undefined),
  timers: () => setInterval(() => undefined, 3_600_000),
};

answerCalls({
  async listen(followingsKept) {
    const createApp = async (adapter) => {
      const app = await NestFactory.create(AppModule.forRoot(config), adapter);
      app.get(HistoryBounds, { strict: false }).maxKept = followingsKept;
      return app;
    };
    const { url } = await serve(config, { logger, createApp });
    return { port: Number(new URL(url).port) };
  },
  defect: (name) => void DEFECTS[name](),
});
