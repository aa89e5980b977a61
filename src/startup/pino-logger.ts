import type { LoggerService } from '@nestjs/common';
import { pino, type Logger as Pino } from 'pino';

/** What Nest says of its own putting together: of use to who looks for a fault in that, and to nobody else. */
const ASSEMBLY = new Set(['InstanceLoader', 'NestFactory', 'RouterExplorer', 'RoutesResolver', 'WebSocketsController']);

/** Nest's log as lines of JSON. Callers name their context last, as Nest's `Logger` does. */
export class PinoLogger implements LoggerService {
  readonly #pino: Pino;

  constructor(level: string) {
    this.#pino = pino({ level, base: undefined });
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

  #write(level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal', message: unknown, rest: unknown[]): void {
    const context = rest.at(-1);
    const stack = rest.length > 1 ? rest[0] : undefined;
    const fields = { ...(context !== undefined && { context }), ...(stack !== undefined && { stack }) };
    if (message instanceof Error) this.#pino[level]({ ...fields, err: message });
    else this.#pino[level](fields, typeof message === 'string' ? message : JSON.stringify(message));
  }
}
