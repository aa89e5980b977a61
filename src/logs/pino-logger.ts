import { inspect } from 'node:util';

import type { LoggerService, LogLevel } from '@nestjs/common';
import { pino, type DestinationStream, type Logger as Pino } from 'pino';

/** What Nest says of its own putting together: of use to who looks for a fault in that, and to nobody else. */
const ASSEMBLY = new Set(['InstanceLoader', 'NestFactory', 'RouterExplorer', 'RoutesResolver', 'WebSocketsController']);

/** Nest's levels, by those of pino. */
const LEVELS = {
  trace: 'verbose',
  debug: 'debug',
  info: 'log',
  warn: 'warn',
  error: 'error',
  fatal: 'fatal',
} as const satisfies Record<string, LogLevel>;

type PinoLevel = keyof typeof LEVELS;

export interface PinoLoggerOptions {
  /** The text without its secrets: the last look at everything that is written. */
  readonly redact?: (text: string) => string;
  /** Default: stdout. */
  readonly destination?: DestinationStream;
}

/**
 * Nest's log as lines of JSON. Callers name their context last, as Nest's `Logger` does; a message that is an object
 * gives the line its fields.
 */
export class PinoLogger implements LoggerService {
  readonly #pino: Pino;
  readonly #redact: (text: string) => string;

  /** `level`: the least that is written, as in `LOG_LEVEL`. */
  constructor(
    private readonly level: string,
    { redact = (text) => text, destination }: PinoLoggerOptions = {},
  ) {
    this.#redact = redact;
    // What is given as an error is written as it is: it has been made for the line already.
    const options = { level, base: undefined, serializers: { err: (err: unknown) => err } };
    this.#pino = destination === undefined ? pino(options) : pino(options, destination);
  }

  /** The levels that are written, in Nest's words: for `Logger.overrideLogger`, so that nobody builds lines in vain. */
  get levels(): LogLevel[] {
    const names = Object.keys(LEVELS) as PinoLevel[];
    const least = names.findIndex((name) => name === this.level);
    return least === -1 ? [] : names.slice(least).map((name) => LEVELS[name]);
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.#write('trace', message, rest);
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.#write('debug', message, rest);
  }

  log(message: unknown, ...rest: unknown[]): void {
    this.#write(ASSEMBLY.has(String(rest.at(-1))) ? 'debug' : 'info', message, rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.#write('warn', message, rest);
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.#write('error', message, rest);
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.#write('fatal', message, rest);
  }

  #write(level: PinoLevel, message: unknown, rest: unknown[]): void {
    if (!this.#pino.isLevelEnabled(level)) return;
    const context = rest.at(-1);
    const stack = rest.length > 1 ? rest[0] : undefined;
    const { text, fields } = this.#lineOf(message);
    const own = {
      ...(context !== undefined && { context }),
      ...fields,
      ...(stack !== undefined && { stack: this.#clean(stack) }),
    };
    this.#pino[level](own, text);
  }

  #lineOf(message: unknown): { readonly text: string; readonly fields: Readonly<Record<string, unknown>> } {
    if (typeof message === 'string') return { text: this.#redact(message), fields: {} };
    if (message instanceof Error) {
      const err = {
        type: message.name,
        message: this.#redact(message.message),
        stack: this.#redact(tracesOf(message)),
      };
      return { text: err.message, fields: { err } };
    }
    if (typeof message !== 'object' || message === null) return { text: this.#redact(String(message)), fields: {} };
    const { msg, ...fields } = message as Readonly<Record<string, unknown>>;
    const cleaned = Object.entries(fields).map(([name, value]) => [name, this.#clean(value)] as const);
    return { text: this.#redact(typeof msg === 'string' ? msg : ''), fields: Object.fromEntries(cleaned) };
  }

  #clean(value: unknown): unknown {
    if (typeof value === 'string') return this.#redact(value);
    return typeof value === 'object' && value !== null ? this.#redact(inspect(value)) : value;
  }
}

/** The stack of an error and of all that caused it. */
export function tracesOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.stack ?? error.message;
  return error.cause === undefined ? own : `${own}\ncaused by ${tracesOf(error.cause)}`;
}
