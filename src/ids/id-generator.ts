import { randomBytes, randomUUID } from 'node:crypto';

import { Injectable } from '@nestjs/common';

import type { ConnectionId, RunId, ThreadId } from './brands.js';
import { connectionIdOf, runIdOf, threadIdOfKey } from './grammar.js';

/**
 * The only source of randomness. Every id it makes is read back by the grammar, and none is made twice:
 * thread keys and epochs carry at least 64 random bits, tokens 128.
 */
export abstract class IdGenerator {
  abstract threadId(): ThreadId;

  /** `now`: Unix ms. */
  abstract runId(threadId: ThreadId, now: number): RunId;

  abstract connectionId(): ConnectionId;

  /** The mark of one log: 16 lower-case hex. */
  abstract epoch(): string;

  /** `{prefix}_` and 32 lower-case hex: for messages, requests for input, tool calls, batches and the like. */
  abstract token(prefix: string): string;

  /** A key to sign with: 256 bits as 64 lower-case hex. */
  abstract secret(): string;
}

/** Ids from the system's cryptographic randomness. */
@Injectable()
export class RandomIdGenerator extends IdGenerator {
  override threadId(): ThreadId {
    return threadIdOfKey(hex(8));
  }

  override runId(threadId: ThreadId, now: number): RunId {
    return runIdOf(threadId, now, hex(4));
  }

  override connectionId(): ConnectionId {
    return connectionIdOf(randomUUID());
  }

  override epoch(): string {
    return hex(8);
  }

  override token(prefix: string): string {
    return `${prefix}_${hex(16)}`;
  }

  override secret(): string {
    return hex(32);
  }
}

function hex(bytes: number): string {
  return randomBytes(bytes).toString('hex');
}
