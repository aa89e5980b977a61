import { describe, expect, it } from '@jest/globals';

import type { WireError } from '../errors/index.js';
import { Mailbox, type Letter } from './mailbox.js';

/** Writes down what becomes of it; its processing lasts until `finish`. */
class RecordedLetter implements Letter {
  readonly begun: Promise<void>;
  readonly #done: Promise<void>;
  finish!: () => void;
  #begin!: () => void;

  constructor(
    private readonly name: string,
    private readonly log: string[],
    readonly bytes = 10,
    readonly receivedAt = 0,
  ) {
    this.begun = new Promise((resolve) => (this.#begin = resolve));
    this.#done = new Promise((resolve) => (this.finish = resolve));
  }

  process(): Promise<void> {
    this.log.push(this.name);
    this.#begin();
    return this.#done;
  }

  fail({ code }: WireError): void {
    this.log.push(`${this.name}: ${code}`);
  }

  drop(): void {
    this.log.push(`${this.name}: dropped`);
  }
}

describe('A mailbox', () => {
  const make = (maxMessages = 3, maxBytes = 100) => {
    const log: string[] = [];
    const mailbox = new Mailbox({ maxMessages, maxBytes });
    const put = (name: string, bytes?: number): RecordedLetter => {
      const letter = new RecordedLetter(name, log, bytes);
      mailbox.put(letter);
      return letter;
    };
    return { log, mailbox, put };
  };

  it('holds what comes until it is opened, then takes one after the other', async () => {
    const { log, mailbox, put } = make();
    const [one, two] = [put('one'), put('two')];
    expect(log).toEqual([]);
    expect(mailbox.size).toBe(2);

    mailbox.open();
    mailbox.open();
    expect(log).toEqual(['one']);
    const three = put('three');
    one.finish();
    await two.begun;
    expect(log).toEqual(['one', 'two']);
    two.finish();
    await three.begun;
    expect(log).toEqual(['one', 'two', 'three']);
    expect(mailbox.size).toBe(0);
  });

  it('refuses what is over in count', () => {
    const { log, mailbox, put } = make(2);
    for (const name of ['one', 'two', 'three']) put(name);

    expect(log).toEqual(['three: pending_queue_full']);
    expect(mailbox.size).toBe(2);
  });

  it('refuses what is over in bytes, and takes a smaller one after it', () => {
    const { log, mailbox, put } = make(10, 100);
    put('one', 60);
    put('two', 41);
    put('three', 40);

    expect(log).toEqual(['two: pending_queue_full']);
    expect(mailbox.size).toBe(2);
  });

  it('does not bound what need not wait, and frees the room of what is taken', () => {
    const { log, mailbox, put } = make(1, 10);
    mailbox.open();
    put('large', 1_000);
    put('waits', 10);
    put('over', 1);

    expect(log).toEqual(['large', 'over: pending_queue_full']);
  });

  it('gives back everything that waits, and goes on', async () => {
    const { log, mailbox, put } = make(2, 20);
    const [one, two] = [put('one'), put('two')];
    expect(mailbox.takeAll()).toEqual([one, two]);
    expect(mailbox.takeAll()).toEqual([]);
    const [three, four] = [put('three'), put('four')];
    mailbox.open();
    three.finish();
    await four.begun;

    expect(log).toEqual(['three', 'four']);
  });
});
