/**
 * The real server with one more agent: `flood` emits events of 1 KB that cannot merge, at a steady rate. Answers
 * every message of its parent with what its memory holds after a collection.
 */
import 'reflect-metadata';

import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';

import { Agent, AgentRunner, type AgentContext, type AgentResult } from '../../src/agents/index.js';
import { AppModule } from '../../src/app.module.js';
import { Clock } from '../../src/clock/index.js';
import { loadConfig } from '../../src/config/index.js';
import { serve } from '../../src/serve.js';

const TICK_MS = 10;

export interface Flood {
  readonly perSecond: number;
  readonly seconds: number;
}

@Agent({ name: 'flood' })
class FloodAgent extends AgentRunner {
  constructor(private readonly clock: Clock) {
    super();
  }

  override async run(context: AgentContext): Promise<AgentResult> {
    const { perSecond, seconds } = context.input as unknown as Flood;
    const value = 'x'.repeat(1_000);
    const begun = this.clock.monotonic();
    for (let emitted = 0; emitted < perSecond * seconds;) {
      const due = Math.min(perSecond * seconds, ((this.clock.monotonic() - begun) / 1_000) * perSecond);
      let last: Promise<void> | null = null;
      for (; emitted < due; emitted += 1) last = context.emit('custom', { name: 'flood', value });
      await last;
      await new Promise<void>((resolve) => this.clock.after(TICK_MS, resolve));
    }
    return { content: '' };
  }
}

@Module({ providers: [FloodAgent] })
class FloodModule {}

const config = loadConfig(process.env);
const server = await serve(config, {
  createApp: (adapter) =>
    NestFactory.create<NestExpressApplication>(AppModule.forRoot(config, [FloodModule]), adapter, {
      logger: ['error'],
    }),
});
process.on('message', () => {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  process.send?.({ heapUsed, external });
});
process.once('SIGTERM', () => void server.drainAndClose().then(() => process.exit(0)));
process.send?.({ url: server.url });
