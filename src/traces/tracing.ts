import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  context,
  isSpanContextValid,
  propagation,
  trace,
  type Attributes,
  type Context,
  type Span,
} from '@opentelemetry/api';

import { Log } from '../logs/index.js';

export type { Context, Span };

export class TracesOptions {
  /** Whether spans are made. They go to the tracer provider that whoever runs the process has registered. */
  enabled = false;
}

export const GIVEN_TRACES_OPTIONS = Symbol('traces options');

/** What a span is about: ids, counts and words from closed sets, never content. Written as `threadcast.thread_id`. */
export type SpanNames = Readonly<Record<string, string | number | boolean | null | undefined>>;

export interface SpanPlace {
  /** What it is below of, instead of what is active; null: of nothing. */
  readonly parent?: Span | Context | null | undefined;
  /** What else has led to it. */
  readonly links?: readonly Span[];
  /** It begins with a request from outside. */
  readonly server?: boolean;
}

/**
 * Spans by OpenTelemetry's API; who collects them is not known here. Ask `enabled` before anything is built for a span:
 * when it is off, nothing is.
 */
@Injectable()
export class Tracing implements OnModuleInit {
  readonly enabled: boolean;
  readonly #log = new Log('Tracing');
  readonly #tracer = trace.getTracer('threadcast');

  constructor(@Inject(GIVEN_TRACES_OPTIONS) given: Partial<TracesOptions>) {
    this.enabled = Object.assign(new TracesOptions(), given).enabled;
  }

  onModuleInit(): void {
    if (!this.enabled) return;
    const span = this.#tracer.startSpan('start', { root: true });
    if (!isSpanContextValid(span.spanContext())) this.#log.warn('Spans are asked for, and nobody collects them.');
    span.end();
  }

  /** What is active: the parent of a span that is begun later, elsewhere. */
  active(): Context {
    return context.active();
  }

  /** What a request from outside says of its caller's span, in the headers that are registered for that. */
  caller(headers: Readonly<Record<string, unknown>>): Context {
    return propagation.extract(ROOT_CONTEXT, headers);
  }

  /** Whether somebody else's span is active. */
  get isWithinSpan(): boolean {
    return trace.getActiveSpan() !== undefined;
  }

  begin(name: string, names: SpanNames, { parent, links = [], server = false }: SpanPlace = {}): Span {
    const options = {
      kind: server ? SpanKind.SERVER : SpanKind.INTERNAL,
      attributes: attributesOf(names),
      links: links.slice(0, MAX_LINKS).map((span) => ({ context: span.spanContext() })),
    };
    return this.#tracer.startSpan(name, options, contextOf(parent));
  }

  /** Does the work with the span active, whatever it awaits. */
  within<T>(span: Span, work: () => T): T {
    return context.with(trace.setSpan(context.active(), span), work);
  }

  /** `failure`: a code, where it has failed. */
  end(span: Span, names: SpanNames = {}, failure?: string): void {
    span.setAttributes(attributesOf(names));
    if (failure !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: failure });
    span.end();
  }
}

const MAX_LINKS = 128;

function contextOf(parent: SpanPlace['parent']): Context {
  if (parent === undefined) return context.active();
  if (parent === null) return ROOT_CONTEXT;
  return 'spanContext' in parent ? trace.setSpan(ROOT_CONTEXT, parent) : parent;
}

function attributesOf(names: SpanNames): Attributes {
  const given = Object.entries(names).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(given.map(([name, value]) => [`threadcast.${snake(name)}`, value ?? '']));
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
