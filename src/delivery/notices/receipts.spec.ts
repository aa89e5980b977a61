import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { Bus, type Answers, type QuestionHandler } from '../../cluster/index.js';
import type { JsonValue } from '../../protocol/index.js';
import { ManualClock } from '../../testing/manual-clock.js';
import { OwedReceipts } from './owed-receipts.js';
import type { Receipt } from './presence.js';
import { RemoteReceipts } from './remote-receipts.js';

/** Nodes that hear each other in the same turn, but for those that are silent. */
class Wire {
  readonly handlers = new Map<string, QuestionHandler>();
  readonly silent = new Set<string>();
  asked = 0;

  bus(nodeId: string): Bus {
    const answer = (_question: string, handler: QuestionHandler): (() => void) => {
      this.handlers.set(nodeId, handler);
      return () => this.handlers.delete(nodeId);
    };
    return { nodeId, isShared: true, answer, ask: (_: string, data: JsonValue) => this.ask(data) } as unknown as Bus;
  }

  private async ask(data: JsonValue): Promise<Answers> {
    this.asked += 1;
    const answers = new Map<string, JsonValue>();
    for (const [nodeId, handler] of this.handlers) {
      if (!this.silent.has(nodeId)) answers.set(nodeId, await handler(data));
    }
    return { answers, silent: [...this.silent] };
  }
}

describe('The receipts of connections on other nodes', () => {
  let clock: ManualClock;
  let wire: Wire;
  let awaiting: RemoteReceipts;
  let there: OwedReceipts;
  let elsewhere: OwedReceipts;

  beforeEach(() => {
    clock = new ManualClock();
    wire = new Wire();
    awaiting = new RemoteReceipts(wire.bus('asker'), clock);
    there = new OwedReceipts(wire.bus('there'), clock);
    elsewhere = new OwedReceipts(wire.bus('elsewhere'), clock);
  });

  afterEach(() => awaiting.onModuleDestroy());

  async function pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 1_000) {
      clock.advance(1_000);
      for (let turn = 0; turn < 3; turn += 1) await new Promise<void>((resolve) => clock.soon(resolve));
    }
  }

  const owe = (where: OwedReceipts, receiptId: string, receipt: Receipt | null): void =>
    where.owe('asker', receiptId, receipt === null ? new Promise(() => undefined) : Promise.resolve(receipt));

  async function stateOf(receipt: Promise<Receipt>): Promise<Receipt | 'open'> {
    return Promise.race([receipt, new Promise<'open'>((resolve) => clock.soon(() => resolve('open')))]);
  }

  it('are received as soon as one node says so', async () => {
    owe(there, 'r', null);
    owe(elsewhere, 'r', 'received');
    const receipt = awaiting.await('r', ['there', 'elsewhere']);
    await pass(2_000);
    expect(await stateOf(receipt)).toBe('received');
  });

  it('end otherwise when the last node has said what became of them', async () => {
    owe(there, 'r', 'unfollowed');
    let end!: (receipt: Receipt) => void;
    elsewhere.owe('asker', 'r', new Promise((resolve) => (end = resolve)));
    const receipt = awaiting.await('r', ['there', 'elsewhere']);
    await pass(20_000);
    expect(await stateOf(receipt)).toBe('open');
    end('gone');
    await pass(2_000);
    expect(await stateOf(receipt)).toBe('unfollowed');
  });

  it('are called for again when a word was lost, and for nothing once all are there', async () => {
    owe(there, 'r', 'received');
    const receipt = awaiting.await('r', ['there']);
    wire.silent.add('there');
    await pass(6_000);
    expect(await stateOf(receipt)).toBe('open');
    wire.silent.delete('there');
    await pass(2_000);
    expect(await stateOf(receipt)).toBe('received');
    const { asked } = wire;
    await pass(10_000);
    expect(wire.asked).toBe(asked);
  });

  it('are gone with a node that does not answer any more', async () => {
    owe(there, 'r', null);
    const receipt = awaiting.await('r', ['there']);
    await pass(4_000);
    wire.silent.add('there');
    await pass(8_000);
    expect(await stateOf(receipt)).toBe('open');
    await pass(8_000);
    expect(await stateOf(receipt)).toBe('gone');
  });

  it('are given up at last by whoever waits, where their node has forgotten them', async () => {
    const receipt = awaiting.await('forgotten', ['there']);
    await pass(170_000);
    expect(await stateOf(receipt)).toBe('open');
    await pass(20_000);
    expect(await stateOf(receipt)).toBe('gone');
  });

  it('are bounded, and forgotten of a node that does not call', async () => {
    for (let n = 0; n < 20_000; n += 1) owe(there, `r${n}`, 'gone');
    expect(there.hasRoom).toBe(false);
    await pass(31_000);
    owe(there, 'one more', null);
    expect(there.hasRoom).toBe(true);
  });
});
