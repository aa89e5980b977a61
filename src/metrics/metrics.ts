import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics, type GaugeConfiguration } from 'prom-client';

import {
  METRICS,
  type CounterName,
  type GaugeName,
  type HistogramName,
  type LabelsOf,
  type MetricEntry,
} from './catalogue.js';

interface Reading {
  readonly labels: Readonly<Record<string, string>>;
  readonly read: () => number;
}

/** The metrics of one application: a registry of its own, so that two applications in one process do not mix. */
@Injectable()
export class Metrics {
  readonly #registry = new Registry();
  readonly #counters = new Map<string, Counter>();
  readonly #gauges = new Map<string, Gauge>();
  readonly #histograms = new Map<string, Histogram>();
  readonly #readings = new Map<string, Reading[]>();

  constructor() {
    const registers = [this.#registry];
    for (const [name, entry] of Object.entries<MetricEntry>(METRICS)) {
      const common = { name, help: entry.help, labelNames: [...entry.labels], registers };
      if (entry.kind === 'counter') this.#counters.set(name, new Counter(common));
      else if (entry.kind === 'gauge') this.#gauges.set(name, this.#gauge(common));
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

  /**
   * The gauge is read when somebody asks for it, and costs nothing in between. Where several read the same one, it is
   * their sum. `read` must not throw.
   */
  measure<Name extends GaugeName>(name: Name, labels: LabelsOf<Name>, read: () => number): void {
    this.#readings.set(name, [...(this.#readings.get(name) ?? []), { labels, read }]);
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

  /** All counters and gauges whose names begin so, by name and labels as in the text. */
  async totals(prefix: string): Promise<Record<string, number>> {
    const metrics = [...this.#counters, ...this.#gauges].filter(([name]) => name.startsWith(prefix));
    const samples = await Promise.all(
      metrics.map(async ([name, metric]) => {
        const { values } = await metric.get();
        return values.map(({ labels, value }) => [`${name}${labelText(labels)}`, value] as const);
      }),
    );
    return Object.fromEntries(samples.flat());
  }

  /** Everything as Prometheus text. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  #gauge(common: GaugeConfiguration<string>): Gauge {
    const readings = this.#readings;
    return new Gauge({
      ...common,
      collect() {
        const given = readings.get(common.name) ?? [];
        if (given.length > 0) this.reset();
        for (const { labels, read } of given) this.inc(labels, read());
      },
    });
  }
}

function labelText(labels: Readonly<Partial<Record<string, string | number>>>): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${value ?? ''}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}
