import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  SpanStatusCode,
  TraceFlags,
  context,
  propagation,
  trace,
  type Context,
  type SpanContext,
  type TextMapPropagator,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base';

import { ThreadcastError } from '../../src/errors/index.js';
import { Gate, type TestClient } from '../../src/testing/index.js';
import { eventually } from './gateway-kit.js';
import { ScriptedServer, newThread } from './scripted-server.js';

/** What whoever runs the process may have registered: ids of trace and span in a header. */
class HeaderPropagator implements TextMapPropagator {
  inject(): void {
    return;
  }

  extract(within: Context, carrier: unknown): Context {
    const header = (carrier as Record<string, string>)['x-trace'];
    const [traceId = '', spanId = ''] = header?.split('-') ?? [];
    return trace.setSpanContext(within, { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true });
  }

  fields(): string[] {
    return ['x-trace'];
  }
}

const exporter = new InMemorySpanExporter();
let scripted: ScriptedServer;
let alice: TestClient;
let threadId: string;

function collect(): void {
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
}

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});

beforeEach(collect);

afterEach(() => trace.disable());

afterAll(() => context.disable());

async function start(env: Record<string, string>): Promise<void> {
  scripted = await ScriptedServer.start({ env });
  alice = await scripted.server.ready('alice');
  threadId = await newThread(alice);
  await alice.ask('subscribe_thread', { threadId });
  exporter.reset();
}

afterEach(() => scripted.close());

const spans = (): ReadableSpan[] => exporter.getFinishedSpans();
const named = (name: string): ReadableSpan[] => spans().filter((span) => span.name === name);
const one = (name: string, about: Record<string, unknown> = {}): ReadableSpan => {
  const found = named(name).filter(({ attributes }) =>
    Object.entries(about).every(([key, value]) => attributes[`threadcast.${key}`] === value),
  );
  expect([name, found.length]).toEqual([name, 1]);
  return found[0]!;
};
const ended = (name: string, count = 1): Promise<void> => eventually(`${name} ends`, () => named(name).length >= count);
const above = (span: ReadableSpan): ReadableSpan | undefined =>
  spans().find((other) => other.spanContext().spanId === span.parentSpanContext?.spanId);
/** From the span upwards, by name. */
function way(from: ReadableSpan): string[] {
  const up = above(from);
  return up === undefined ? [from.name] : [from.name, ...way(up)];
}
const ids = (contexts: readonly SpanContext[]): string[] => contexts.map(({ spanId }) => spanId).sort();

describe('Traces', () => {
  beforeEach(() => start({ OTEL_ENABLED: 'true' }));

  it('lead from a request over its run and what that emits to its delivery', async () => {
    const { runId } = await scripted.run(
      alice,
      async ({ emit }) => {
        await emit('custom', { name: 'n', value: 'a secret to be kept' });
      },
      { threadId },
    );
    await alice.next('agent_completed');
    await ended('run');
    await ended('delivery', 3);

    const request = one('request start_agent');
    expect(way(one('run'))).toEqual(['run', 'handler start_agent', 'request start_agent']);
    expect(way(one('emit'))).toEqual(['emit', 'run', 'handler start_agent', 'request start_agent']);
    expect(way(named('delivery').at(1)!)).toEqual([
      'delivery',
      'publish',
      'emit',
      'run',
      'handler start_agent',
      request.name,
    ]);
    for (const span of named('delivery')) expect(way(span).at(-1)).toBe('request start_agent');
    expect(named('append').map(way)).toContainEqual(['append', 'handler start_agent', 'request start_agent']);
    expect(
      new Set(
        spans()
          .filter(({ name }) => name !== 'commit')
          .map((span) => span.spanContext().traceId),
      ).size,
    ).toBe(1);

    const about = { 'threadcast.thread_id': threadId, 'threadcast.run_id': runId };
    expect(one('run').attributes).toEqual({
      ...about,
      'threadcast.user_id': 'alice',
      'threadcast.agent': 'script',
      'threadcast.outcome': 'completed',
    });
    expect(one('emit').attributes).toEqual(about);
    expect(request.attributes).toMatchObject({
      'threadcast.connection_id': alice.frames[0]!.data['connectionId'],
      'threadcast.user_id': 'alice',
      'threadcast.outcome': 'ok',
    });
    expect(named('delivery').map(({ attributes }) => attributes['threadcast.delivered'])).toEqual([true, true, true]);
    expect(JSON.stringify(spans().map(({ name, attributes, status }) => ({ name, attributes, status })))).not.toContain(
      'to be kept',
    );
  });

  it('link a commit with everything that it is of', async () => {
    await scripted.run(
      alice,
      async ({ emit }) => {
        await Promise.all([emit('custom', { name: 'n', value: 1 }), emit('custom', { name: 'n', value: 2 })]);
      },
      { threadId },
    );
    await alice.next('agent_completed');
    await ended('run');

    const emits = ids(named('emit').map((span) => span.spanContext()));
    const linked = named('commit').map(({ links }) => ids(links.map((link) => link.context)));
    expect(emits).toHaveLength(2);
    expect(linked).toContainEqual(emits);
    expect(linked.flat().sort()).toEqual(ids([...named('emit'), ...named('append')].map((span) => span.spanContext())));
    expect(named('commit').every((span) => span.parentSpanContext === undefined)).toBe(true);
    const published = named('publish').filter(({ links }) => links.length === 1);
    expect(published.map((span) => [above(span)?.name, named('emit').length])).toEqual([['emit', 2]]);
  });

  it('keep a run that has waited below its own request', async () => {
    const gate = new Gate();
    await scripted.run(alice, () => gate.opened, { threadId });
    const waiting = await scripted.run(alice, async () => undefined, { threadId });
    gate.open();
    await alice.next('agent_completed', ({ runId }) => runId === waiting['runId']);
    await ended('run', 2);

    const [, second] = named('request start_agent');
    const run = one('run', { run_id: waiting['runId'] });
    expect(run.spanContext().traceId).toBe(second!.spanContext().traceId);
    expect(way(run)).toEqual(['run', 'handler start_agent', 'request start_agent']);
  });

  it('say what failed by its code, and what was merely refused not as a failure', async () => {
    await alice.request('switch_thread', { threadId: 'thread_nowhere' });
    scripted.storage.before('threads.access', async () => {
      scripted.storage.before('threads.access', null);
      throw new Error('careless');
    });
    await alice.request('get_thread_history', { threadId });
    scripted.storage.before('transact', async () => {
      scripted.storage.before('transact', null);
      throw new ThreadcastError('storage_unavailable');
    });
    await alice.request('create_thread', {});
    await scripted.run(alice, () => Promise.reject(new Error('careless')), { threadId });
    await ended('run');

    const statuses = Object.fromEntries(spans().map(({ name, status }) => [name, status]));
    expect(statuses['request switch_thread']).toEqual({ code: SpanStatusCode.UNSET });
    expect(statuses['request get_thread_history']).toEqual({ code: SpanStatusCode.ERROR, message: 'internal' });
    expect(statuses['request create_thread']).toEqual({ code: SpanStatusCode.ERROR, message: 'storage_unavailable' });
    expect(statuses['run']).toEqual({ code: SpanStatusCode.ERROR, message: 'run_failed' });
    expect(one('commit', { committed: false }).status.code).toBe(SpanStatusCode.ERROR);
    expect(one('request switch_thread').attributes['threadcast.outcome']).toBe('thread_not_found');
  });

  it('begin with a request over HTTP too, below its caller', async () => {
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    propagation.setGlobalPropagator(new HeaderPropagator());
    await scripted.server.fetch('alice', `/api/threads/${threadId}/messages`, {
      method: 'POST',
      body: JSON.stringify({ content: 'hello' }),
      headers: { 'x-trace': `${traceId}-b7ad6b7169203331` },
    });
    await alice.next('agent_completed');
    const name = 'request POST /api/threads/:threadId/messages';
    await ended(name);
    await ended('run');
    propagation.disable();

    expect(one(name).spanContext().traceId).toBe(traceId);
    expect(one(name).attributes).toEqual({ 'threadcast.request': name.slice(8), 'threadcast.status': 201 });
    expect(way(one('run'))).toEqual(['run', name]);
  });
});

describe('Without a tracer provider', () => {
  it('the server says that nobody collects them', async () => {
    const said: string[] = [];
    const keep = (text: unknown): void => void said.push(String(text));
    trace.disable();
    scripted = await ScriptedServer.start({
      env: { OTEL_ENABLED: 'true' },
      logger: { log: keep, warn: keep, error: keep },
    });

    expect(said).toContain('Spans are asked for, and nobody collects them.');
  });
});

describe('Without OTEL_ENABLED', () => {
  it('there are none, whoever would collect them', async () => {
    await start({});
    await alice.ask('user_message', { threadId, content: 'hello' });
    await alice.next('agent_completed');
    await scripted.server.fetch('alice', `/api/threads/${threadId}`);

    expect(spans()).toEqual([]);
  });
});
