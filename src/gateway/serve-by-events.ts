import type { WsMessageHandler } from '@nestjs/common';
import type { Socket } from 'socket.io';
import { defer, fromEvent, share, takeUntil, tap, type Observable } from 'rxjs';

import { splitAck } from './read-packet.js';

/** What an answer has that is sent as an event of its own. */
interface EventAnswer {
  readonly event?: unknown;
  readonly data?: unknown;
}

/**
 * Serves a socket of another namespace than `/` in Nest's usual way: each request when it comes, its answer as the
 * callback's argument, or as the event that it names. `failed` is told what got past the filters.
 */
export function serveByEvents(
  socket: Socket,
  handlers: readonly WsMessageHandler[],
  transform: (answer: unknown) => Observable<unknown>,
  failed: (error: unknown) => void,
): void {
  const gone = fromEvent(socket as never, 'disconnect').pipe(share());
  for (const { message, callback, isAckHandledManually } of handlers) {
    socket.on(message, (...args: unknown[]) => {
      const { values, ack } = splitAck(args);
      const answer = (result: unknown): void => {
        if (result === undefined || result === null) return;
        const { event, data } = result as EventAnswer;
        if (typeof event === 'string') socket.emit(event, data);
        else if (!isAckHandledManually) ack?.(result);
      };
      defer(() => transform(callback(values.length > 1 ? values : values[0], ack)))
        .pipe(takeUntil(gone), tap(answer))
        .subscribe({ error: failed });
    });
  }
}
