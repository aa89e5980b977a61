import { describe, expect, it } from '@jest/globals';
import type { Response } from 'express';

import { Metrics } from '../metrics/index.js';
import { ManualClock } from '../testing/index.js';
import { MetricsController } from './metrics.controller.js';

describe('What is counted', () => {
  it('is looked up ten times a second at most, however often somebody asks', async () => {
    const clock = new ManualClock();
    const metrics = new Metrics();
    let looks = 0;
    metrics.measure('threadcast_gateway_unsent_bytes', {}, () => (looks += 1));
    const controller = new MetricsController(metrics, clock);
    const headers = new Map<string, unknown>();
    const res = { setHeader: (name: string, value: unknown) => headers.set(name, value) } as unknown as Response;
    const ask = (): Promise<string> => controller.text(res);

    const texts: string[] = [];
    for (let time = 0; time < 50; time += 1) texts.push(await ask());
    expect(looks).toBe(10);
    expect(texts[8]).not.toBe(texts[9]);
    expect(texts[9]).toBe(texts[49]);
    clock.advance(1_000);
    expect(await ask()).toContain('threadcast_gateway_unsent_bytes 11');
    expect(headers.get('Content-Type')).toContain('text/plain');
  });
});
