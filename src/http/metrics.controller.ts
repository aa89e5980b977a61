import { Controller, Get, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';

import { Clock } from '../clock/index.js';
import { Metrics } from '../metrics/index.js';
import { Describe } from './describe.decorator.js';

/** Anybody may ask, and each text costs a look at all connections. Past this many in a second the last one is told again. */
const TEXTS_PER_SECOND = 10;

/** Everything that is counted, as Prometheus text. */
@Controller('metrics')
@ApiTags('Operation')
export class MetricsController {
  #latest: Promise<string> | null = null;
  #second = { since: 0, texts: 0 };

  constructor(
    private readonly metrics: Metrics,
    private readonly clock: Clock,
  ) {}

  @Get()
  @Describe<string>({
    does: 'Tells everything that is counted.',
    answers: { 200: { says: 'Text in the format of Prometheus.', others: { 'text/plain': { type: 'string' } } } },
  })
  async text(@Res({ passthrough: true }) res: Response): Promise<string> {
    const text = await this.#text();
    res.setHeader('Content-Type', this.metrics.contentType);
    return text;
  }

  #text(): Promise<string> {
    const now = this.clock.monotonic();
    if (now - this.#second.since >= 1_000) this.#second = { since: now, texts: 0 };
    if (this.#latest !== null && this.#second.texts >= TEXTS_PER_SECOND) return this.#latest;
    this.#second.texts += 1;
    const text = this.metrics.text();
    this.#latest = text;
    return text;
  }
}
