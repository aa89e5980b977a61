import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

import {
  METRICS,
  type CounterName,
  type GaugeName,
  type HistogramName,
  type LabelsOf,
  type MetricEntry,
} from './catalogue.js';

/** The metrics of one application: a registry of its own, so that two applications in one process do not mix. */
@Injectable()
export class Metrics {
  readonly #registry = new Registry();
  readonly #counters = new Map<string, Counter>();
  readonly #gauges = new Map<string, Gauge>();
  readonly #histograms = new Map<string, Histogram>();

  constructor() {
    const registers = [this.#registry];
    for (const [name, entry] of Object.entries<MetricEntry>(METRICS)) {
      const common = { name, help: entry.help, labelNames: [...entry.labels], registers };
      if (entry.kind === 'counter') this.#counters.set(name, new Counter(common));
      else if (entry.kind === 'gauge') this.#gauges.set(name, new Gauge(common));
      else this.#histograms.set(name, new Histogram({ ...common, buckets: [...entry.buckets] }));
    }
    collectDefaultMetrics({ register: this.#registry });
  }

  add<Name extends CounterName>(name: Name, labels: LabelsOf<Name>, by = 1): void {
    this.#counters.get(name)?.inc(labels, by);
  }

  set<Name extends GaugeName>(name: Name, labels: LabelsOf<Name>, value: number): void {
    this.#gauges.get(name)?.set(labels, value);
  }

  /** Moves a gauge by a difference. */
  move<Name extends GaugeName>(name: Name, labels: LabelsOf<Name>, by: number): void {
    this.#gauges.get(name)?.inc(labels, by);
  }

  observe(name: HistogramName, value: number): void {
    this.#histograms.get(name)?.observe(value);
  }

  /** The present value of a counter or gauge with exactly these labels; 0 when it never moved. */
  async value<Name extends CounterName | GaugeName>(name: Name, labels: LabelsOf<Name>): Promise<number> {
    const metric = await this.#registry.getSingleMetric(name)?.get();
    const wanted = Object.entries(labels);
    const found = metric?.values.find((sample) => wanted.every(([key, value]) => sample.labels[key] === value));
    return found?.value ?? 0;
  }

  /** Everything as Prometheus text. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }
}
