import { readFile } from 'node:fs/promises';

import { beforeAll, describe, expect, it } from '@jest/globals';
import { Registry, collectDefaultMetrics } from 'prom-client';

import { METRICS } from '../../src/metrics/index.js';
import { ROOT } from './cruise.js';

interface Metric {
  readonly kind: string;
  readonly labels: readonly string[];
}

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
}

/** Given by who scrapes. */
const OF_SCRAPES = ['instance', 'job'];

const CATALOGUE: Readonly<Record<string, Metric>> = METRICS;
const registry = new Registry();
collectDefaultMetrics({ register: registry });
const OF_NODE = new Set(registry.getMetricsAsArray().map(({ name }) => name));
registry.clear();

/** A metric's name, with the labels that are chosen, and those by which it is grouped. */
const USE = /\b((?:threadcast|process|nodejs)_[a-z0-9_]+)(?:\{([^}]*)\})?/g;

function metricOf(name: string): Metric | null {
  const entry = CATALOGUE[name];
  if (entry !== undefined) return entry.kind === 'histogram' ? null : entry;
  const [, histogram = '', part] = /^(.*)_(bucket|sum|count)$/.exec(name) ?? [];
  const whole = CATALOGUE[histogram];
  if (whole?.kind === 'histogram') return { ...whole, labels: [...whole.labels, ...(part === 'bucket' ? ['le'] : [])] };
  return OF_NODE.has(name) ? { kind: 'of node', labels: [] } : null;
}

/** What an expression says that no metric of ours answers. */
function faultsOf(expr: string): string[] {
  const uses = [...expr.matchAll(USE)].map(([, name = '', chosen = '']) => ({ name, chosen }));
  const grouped = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, labels = '']) =>
    labels.split(',').map((l) => l.trim()),
  );
  if (uses.length === 0) return ['names no metric'];
  return uses.flatMap(({ name, chosen }) => {
    const metric = metricOf(name);
    if (metric === null) return [`${name} does not exist`];
    const named = [...[...chosen.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label), ...grouped];
    return named
      .filter((label) => ![...metric.labels, ...OF_SCRAPES].includes(label))
      .map((label) => `${name} has no label ${label}`);
  });
}

describe('ops/prometheus-rules.yml', () => {
  let rules: readonly { name: string; text: string; expr: string }[];

  beforeAll(async () => {
    const text = await readFile(`${ROOT}/ops/prometheus-rules.yml`, 'utf8');
    rules = text
      .split(/^ {6}- alert: /m)
      .slice(1)
      .map((rule) => {
        const [, expr = ''] = /^ {8}expr: (?:>-\n)?([\s\S]*?)\n {8}(?=\w)/m.exec(rule) ?? [];
        return { name: rule.split('\n')[0]!, text: rule, expr };
      });
  });

  it('asks for metrics and labels that exist', () => {
    expect(rules.length).toBeGreaterThan(10);
    expect(rules.flatMap(({ name, expr }) => faultsOf(expr).map((fault) => `${name}: ${fault}`))).toEqual([]);
  });

  it('says of each how bad it is, what it means, and where to read on', async () => {
    for (const { name, text } of rules) {
      expect([name, text]).toEqual([name, expect.stringMatching(/severity: (page|ticket)\b/)]);
      expect([name, text]).toEqual([name, expect.stringMatching(/^ {10}summary: \S/m)]);
      const [, file = '', anchor] = /runbook: (\S+)#(\S+)/.exec(text) ?? [];
      const headings = [...(await readFile(`${ROOT}/${file}`, 'utf8')).matchAll(/^#+ (.*)$/gm)].map(
        ([, heading = '']) =>
          heading
            .toLowerCase()
            .replace(/[^\w -]/g, '')
            .replaceAll(' ', '-'),
      );
      expect(headings).toContain(anchor);
    }
  });
});

describe('ops/grafana-dashboard.json', () => {
  it('asks for metrics and labels that exist', async () => {
    const { panels } = JSON.parse(await readFile(`${ROOT}/ops/grafana-dashboard.json`, 'utf8')) as Dashboard;
    const faults = panels.flatMap(({ title, targets }) =>
      targets.flatMap(({ expr }) => faultsOf(expr).map((fault) => `${title}: ${fault}`)),
    );
    expect(panels.length).toBeGreaterThan(10);
    expect(faults).toEqual([]);
  });
});

describe('The comparison with the catalogue', () => {
  it.each([
    ['rate(threadcast_gateway_nothing_total[5m])', 'threadcast_gateway_nothing_total does not exist'],
    ['sum by (code) (threadcast_agents_runs)', 'threadcast_agents_runs has no label code'],
    ['threadcast_agents_runs{status="queued"}', 'threadcast_agents_runs has no label status'],
    ['rate(threadcast_agents_wait_seconds[5m])', 'threadcast_agents_wait_seconds does not exist'],
    ['threadcast_agents_runs_bucket', 'threadcast_agents_runs_bucket does not exist'],
  ])('finds the fault of %s', (expr, fault) => {
    expect(faultsOf(expr)).toEqual([fault]);
  });
});
