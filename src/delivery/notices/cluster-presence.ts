import { Injectable, type OnModuleDestroy } from '@nestjs/common';

import { Bus } from '../../cluster/index.js';
import { IdGenerator } from '../../ids/index.js';
import { Metrics } from '../../metrics/index.js';
import type { JsonValue } from '../../protocol/index.js';
import type { Notice } from '../../storage/index.js';
import { LocalPresence } from './local-presence.js';
import { OwedReceipts } from './owed-receipts.js';
import { Presence, type Reach, type ReachWay, type Receipt } from './presence.js';
import { RemoteReceipts } from './remote-receipts.js';

const REACH = 'presence.reach';
const HERE = 'presence.here';
/** Notices that are asked about together. */
const MOST_AT_ONCE = 500;

interface Asked {
  readonly notice: Notice;
  /** Whether other connections than those that follow are told. */
  readonly tell: boolean;
  /** The receipt is called for under this name. Null: nobody waits for it. */
  readonly receiptId: string | null;
}

/** What a node says of one notice. */
interface Said {
  readonly way: ReachWay;
  /** The receipt can be called for. */
  readonly watched: boolean;
  readonly isThere: boolean;
  readonly goneForMs: number | null;
}

interface Question {
  readonly from: string;
  readonly asked: readonly Asked[];
}

/** What other nodes have said of one notice. */
interface Heard {
  readonly said: readonly (readonly [nodeId: string, said: Said])[];
  /** Not all of them have. */
  readonly isPartial: boolean;
}

const NOBODY: Said = { way: 'nobody', watched: false, isThere: false, goneForMs: null };

/**
 * The users whose connections are on any node. First everybody is asked who follows; where nobody does, everybody tells its
 * own connections. A node that does not answer counts as one where nobody is: somebody is told twice rather than not at
 * all. But then the user may just be on the way from a node that died to another one, and so has gone only now.
 */
@Injectable()
export class ClusterPresence extends Presence implements OnModuleDestroy {
  readonly #waiting: { readonly asked: Asked; readonly resolve: (heard: Heard) => void }[] = [];
  readonly #stopAnswering: readonly (() => void)[];
  #isAsking = false;

  constructor(
    private readonly local: LocalPresence,
    private readonly bus: Bus,
    private readonly owed: OwedReceipts,
    private readonly receipts: RemoteReceipts,
    private readonly ids: IdGenerator,
    private readonly metrics: Metrics,
  ) {
    super();
    this.#stopAnswering = [
      bus.answer(REACH, (question) => this.#answerReach(question as unknown as Question)),
      bus.answer(HERE, (question) => this.#answerHere(question as unknown as { from: string; userIds: string[] })),
    ];
  }

  onModuleDestroy(): void {
    for (const stop of this.#stopAnswering) stop();
  }

  override async reach(notice: Notice, watch: boolean): Promise<Reach> {
    const following = this.local.reachFollowers(notice, watch);
    if (following !== null) return following;
    const receiptId = watch ? this.ids.token('receipt') : null;
    const looked = await this.#ask({ notice, tell: false, receiptId });
    if (looked.said.some(([, { way }]) => way === 'followed'))
      return this.#reached('followed', null, looked, receiptId);
    const own = await this.local.reach(notice, watch);
    const isElsewhere = looked.said.some(([, { isThere }]) => isThere);
    const heard = isElsewhere ? await this.#ask({ notice, tell: true, receiptId }) : looked;
    const ways = [own.way, ...heard.said.map(([, { way }]) => way)];
    if (ways.includes('followed')) return this.#reached('followed', own, heard, receiptId);
    if (ways.includes('told')) return this.#reached('told', own, heard, receiptId);
    this.metrics.add('threadcast_delivery_absences_total', { seen: heard.isPartial ? 'partly' : 'everywhere' });
    return { way: 'nobody', receipt: Promise.resolve('gone'), goneForMs: goneForMs(own, heard) };
  }

  override async here(userIds: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    const here = new Set(await this.local.here(userIds));
    const others = [...userIds].filter((userId) => !here.has(userId));
    if (others.length === 0 || this.#isAlone) return here;
    const { answers } = await this.bus.ask(HERE, { from: this.bus.nodeId, userIds: others });
    for (const found of answers.values()) for (const userId of (found ?? []) as string[]) here.add(userId);
    return here;
  }

  get #isAlone(): boolean {
    return this.bus.state === 'joined' && this.bus.nodes().length === 1;
  }

  /** By the best way that somebody was reached: the receipts are those of that way. */
  #reached(way: 'followed' | 'told', own: Reach | null, heard: Heard, receiptId: string | null): Reach {
    const nodeIds = heard.said.filter(([, said]) => said.way === way && said.watched).map(([nodeId]) => nodeId);
    const receipts: Promise<Receipt>[] = [];
    if (own?.way === way && own.receipt !== null) receipts.push(own.receipt);
    if (receiptId !== null && nodeIds.length > 0) receipts.push(this.receipts.await(receiptId, nodeIds));
    return { way, receipt: receipts.length === 0 ? null : together(receipts), goneForMs: null };
  }

  /** What comes while a question is on its way goes with the next one. */
  #ask(asked: Asked): Promise<Heard> {
    if (this.#isAlone) return Promise.resolve({ said: [], isPartial: false });
    return new Promise((resolve) => {
      this.#waiting.push({ asked, resolve });
      this.#askNext();
    });
  }

  #askNext(): void {
    if (this.#isAsking || this.#waiting.length === 0) return;
    this.#isAsking = true;
    const batch = this.#waiting.splice(0, MOST_AT_ONCE);
    const question: Question = { from: this.bus.nodeId, asked: batch.map(({ asked }) => asked) };
    void this.bus.ask(REACH, question as unknown as JsonValue).then(({ answers, silent }) => {
      const isPartial = silent.length > 0 || this.bus.state === 'lost';
      const others = [...answers].filter(([nodeId]) => nodeId !== this.bus.nodeId);
      batch.forEach(({ resolve }, index) => {
        const said = others.map(([nodeId, answer]) => [nodeId, saidOf(answer, index)] as const);
        resolve({ said, isPartial });
      });
      this.#isAsking = false;
      this.#askNext();
    });
  }

  async #answerReach({ from, asked }: Question): Promise<JsonValue> {
    if (from === this.bus.nodeId) return null;
    const said = await Promise.all(asked.map((one) => this.#sayOf(from, one)));
    return said as unknown as JsonValue;
  }

  async #sayOf(from: string, { notice, tell, receiptId }: Asked): Promise<Said> {
    const watch = receiptId !== null && this.owed.hasRoom;
    const reach = tell ? await this.local.reach(notice, watch) : this.local.reachFollowers(notice, watch);
    const { isThere, goneForMs } = this.local.lookAt(notice.userId);
    if (reach === null || reach.way === 'nobody') return { ...NOBODY, isThere, goneForMs };
    if (receiptId !== null && reach.receipt !== null) this.owed.owe(from, receiptId, reach.receipt);
    return { way: reach.way, watched: reach.receipt !== null, isThere, goneForMs };
  }

  async #answerHere({ from, userIds }: { from: string; userIds: string[] }): Promise<JsonValue> {
    return from === this.bus.nodeId ? null : [...(await this.local.here(new Set(userIds)))];
  }
}

function saidOf(answer: JsonValue, index: number): Said {
  return (answer as unknown as readonly Said[] | null)?.[index] ?? NOBODY;
}

/** Of the last connection on any node. */
function goneForMs(own: Reach, { said, isPartial }: Heard): number | null {
  if (isPartial) return 0;
  const known = [own.goneForMs, ...said.map(([, one]) => one.goneForMs)].filter((ms) => ms !== null);
  return known.length === 0 ? null : Math.min(...known);
}

/** One has received it, or all have ended without that. */
function together(receipts: readonly Promise<Receipt>[]): Promise<Receipt> {
  return new Promise((resolve) => {
    for (const receipt of receipts) void receipt.then((ended) => ended === 'received' && resolve(ended));
    void Promise.all(receipts).then((ended) => resolve(ended.includes('unfollowed') ? 'unfollowed' : 'gone'));
  });
}
