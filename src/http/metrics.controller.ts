import { Controller, Get, Res } from '@nestjs/common';
import type { Response } from 'express';

import { Metrics } from '../metrics/index.js';

/** Everything that is counted, as Prometheus text. */
@Controller('metrics')
export class MetricsController {
  constructor(private readonly metrics: Metrics) {}

  @Get()
  async text(@Res({ passthrough: true }) res: Response): Promise<string> {
    const text = await this.metrics.text();
    res.setHeader('Content-Type', this.metrics.contentType);
    return text;
  }
}
