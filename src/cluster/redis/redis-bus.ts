import type { Redis } from 'ioredis';

import type { Clock } from '../../clock/index.js';
import type { IdGenerator } from '../../ids/index.js';
import { Log } from '../../logs/index.js';
import type { Metrics } from '../../metrics/index.js';
import type { JsonValue } from '../../protocol/index.js';
import { withDeadline } from '../../startup/index.js';
import {
  ASK_MS,
  Bus,
  type Answers,
  type BusState,
  type ClusterNode,
  type QuestionHandler,
  type TopicListener,
} from '../bus.js';
import { QuestionHandlers } from '../question-handlers.js';
import type { ThisNode } from '../this-node.js';
import { LiveNodes } from './live-nodes.js';
import { OpenQuestions } from './open-questions.js';
import { RedisLink } from './redis-link.js';
import { Topics } from './topics.js';

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 2_000;
/** How long the goodbye may take. */
const LEAVE_MS = 500;
/** An answer that is longer is none. */
const MAX_ANSWER_CHARS = 4_194_304;

export interface RedisBusOptions {
  /** As `REDIS_URL`; never logged. */
  readonly url: string;
  /** Prefix of every key and channel. */
  readonly clusterName: string;
}

/** What goes between nodes apart from topics. */
type NodeMessage =
  | { readonly kind: 'came' | 'left' }
  | { readonly kind: 'question'; readonly id: string; readonly question: string; readonly data: JsonValue }
  | { readonly kind: 'answer'; readonly id: string; readonly answer?: JsonValue };

/**
 * The bus over pub/sub of Redis, sharded where the server has that: a channel per topic, one for all nodes, one for each
 * node. Every message begins with the id of the node that says it.
 */
export class RedisBus extends Bus {
  readonly #log = new Log('Bus');
  readonly #handlers = new QuestionHandlers(this.#log);
  readonly #questions: OpenQuestions;
  readonly #nodes: LiveNodes;
  readonly #topics: Topics;
  readonly #stateListeners = new Set<(state: BusState) => void>();
  readonly #closing = new AbortController();
  readonly #topicPrefix: string;
  readonly #everybody: string;
  #link: RedisLink | null = null;
  #lostSince: number | null;
  #loop: Promise<void> | null = null;
  /** It could not be joined when it was last tried: said once for as long as that lasts. */
  #isAbsent = false;

  constructor(
    private readonly options: RedisBusOptions,
    private readonly node: ThisNode,
    private readonly ids: IdGenerator,
    private readonly clock: Clock,
    private readonly metrics: Metrics,
  ) {
    super();
    const { clusterName } = options;
    this.#topicPrefix = `${clusterName}:topic:`;
    this.#everybody = `${clusterName}:nodes`;
    this.#lostSince = clock.now();
    this.#questions = new OpenQuestions(clock);
    this.#nodes = new LiveNodes(clusterName, { nodeId: node.node, startedAt: node.startedAt });
    this.#topics = new Topics(
      clock,
      (topic) => this.#topicPrefix + topic,
      (error) => this.#lost(String(error)),
    );
    metrics.measure('threadcast_cluster_joined', {}, () => (this.state === 'joined' ? 1 : 0));
    metrics.measure('threadcast_cluster_nodes', {}, () => this.nodes().length);
    metrics.measure('threadcast_cluster_topics', {}, () => this.#topics.size);
  }

  override readonly isShared = true;

  override get nodeId(): string {
    return this.node.node;
  }

  override get state(): BusState {
    return this.#lostSince === null ? 'joined' : 'lost';
  }

  override get lostSince(): number | null {
    return this.#lostSince;
  }

  /** For what is no message and belongs to this cluster. Null while the bus is lost. */
  get commands(): Redis | null {
    return this.#link?.commands ?? null;
  }

  /** The key of this name in this cluster. */
  key(name: string): string {
    return `${this.options.clusterName}:${name}`;
  }

  /** The key that is there as long as this node shows life. */
  nodeKey(nodeId: string): string {
    return this.#nodes.key(nodeId);
  }

  override join(): Promise<void> {
    return new Promise((resolve) => {
      this.#loop ??= this.#keepJoined(resolve);
    });
  }

  override async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(new Error('The bus is closed.'));
    const link = this.#link;
    this.#link = null;
    this.#topics.use(null);
    this.#questions.closeAll();
    if (link !== null) {
      this.#sayTo(link, this.#everybody, { kind: 'left' });
      await withDeadline(this.clock, LEAVE_MS, () => this.#nodes.leave(link.commands)).catch(() => undefined);
      link.close();
    }
    await this.#loop;
  }

  override publish(topic: string, message: string): void {
    const sent = this.#link?.publish(this.#topicPrefix + topic, `${this.nodeId} ${message}`);
    if (sent === true) this.metrics.add('threadcast_cluster_messages_total', { direction: 'sent' });
    else this.#drop(sent === undefined ? 'lost' : 'full');
  }

  override subscribe(topic: string, listener: TopicListener): () => void {
    return this.#topics.add(topic, listener);
  }

  override async ask(question: string, data: JsonValue, limitMs = ASK_MS): Promise<Answers> {
    const [nodeIds, link] = [this.nodes().map(({ nodeId }) => nodeId), this.#link];
    const reachable = link !== null && !this.#questions.isFull;
    const id = this.ids.token('ask');
    const asked = this.#questions.ask(id, reachable ? nodeIds : [this.nodeId], limitMs);
    if (reachable) this.#sayTo(link, this.#everybody, { kind: 'question', id, question, data });
    void this.#handlers.answer(question, data).then((answer) => this.#questions.answered(id, this.nodeId, answer));
    const { answers, silent } = await asked;
    const unasked = reachable ? [] : nodeIds.filter((nodeId) => nodeId !== this.nodeId);
    const outcome = silent.length + unasked.length === 0 ? 'complete' : 'incomplete';
    this.metrics.add('threadcast_cluster_questions_total', { outcome });
    return { answers, silent: [...silent, ...unasked] };
  }

  override answer(question: string, handler: QuestionHandler): () => void {
    return this.#handlers.add(question, handler);
  }

  override nodes(): readonly ClusterNode[] {
    return this.#nodes.all;
  }

  override onState(listener: (state: BusState) => void): () => void {
    this.#stateListeners.add(listener);
    return () => this.#stateListeners.delete(listener);
  }

  /** One link after the other, for as long as the bus is not closed. */
  async #keepJoined(tried: () => void): Promise<void> {
    const { signal } = this.#closing;
    let end: (reason: string) => void = () => undefined;
    signal.addEventListener('abort', () => end('closed'), { once: true });
    for (let delayMs = FIRST_RETRY_MS; !signal.aborted;) {
      const ended = new Promise<string>((resolve) => (end = resolve));
      const joined = await this.#joinBy(end);
      tried();
      if (joined) {
        this.#lost(await ended);
        delayMs = FIRST_RETRY_MS;
      }
      await this.clock.sleep(delayMs, signal).catch(() => undefined);
      delayMs = Math.min(LONGEST_RETRY_MS, delayMs * 2);
    }
  }

  /** False: Redis is not there, or does not let this node in. */
  async #joinBy(end: (reason: string) => void): Promise<boolean> {
    const { url, clusterName } = this.options;
    const listener = { heard: (channel: string, message: string) => this.#heard(channel, message), lost: end };
    const link = new RedisLink(url, clusterName, this.clock, listener, (redis) => this.#nodes.renew(redis));
    try {
      await link.open();
      await link.subscribe([this.#everybody, this.#channelOf(this.nodeId)]);
    } catch (error) {
      link.close();
      const reason = error instanceof Error ? error.message : String(error);
      if (!this.#isAbsent) this.#log.warn(`The bus cannot be joined: ${reason}`);
      this.#isAbsent = true;
      return false;
    }
    if (this.#closing.signal.aborted) {
      link.close();
      return false;
    }
    this.#link = link;
    this.#lostSince = null;
    this.#isAbsent = false;
    this.#log.info('The bus is joined.', { nodeId: this.nodeId });
    this.#sayTo(link, this.#everybody, { kind: 'came' });
    this.#topics.use(link);
    this.#tellState();
    return true;
  }

  #lost(reason: string): void {
    const link = this.#link;
    if (link === null) return;
    link.close();
    this.#link = null;
    this.#lostSince = this.clock.now();
    this.metrics.add('threadcast_cluster_losses_total', {});
    this.#log.warn(`The bus is lost: ${reason}`);
    this.#topics.use(null);
    this.#questions.closeAll();
    this.#tellState();
  }

  #heard(channel: string, text: string): void {
    const at = text.indexOf(' ');
    const [from, message] = [text.slice(0, at), text.slice(at + 1)];
    if (from === this.nodeId) return;
    this.metrics.add('threadcast_cluster_messages_total', { direction: 'heard' });
    try {
      if (channel.startsWith(this.#topicPrefix)) this.#topics.heard(channel.slice(this.#topicPrefix.length), message);
      else this.#told(from, JSON.parse(message) as NodeMessage);
    } catch (error) {
      this.#drop('unreadable');
      this.#log.defect(error);
    }
  }

  #told(from: string, message: NodeMessage): void {
    if (message.kind === 'question') void this.#answer(from, message.id, message.question, message.data);
    else if (message.kind === 'answer') this.#questions.answered(message.id, from, message.answer);
    else if (message.kind === 'left') {
      this.#nodes.forget(from);
      this.#questions.left(from);
    } else if (this.#link !== null) void this.#nodes.renew(this.#link.commands).catch(() => undefined);
  }

  async #answer(from: string, id: string, question: string, data: JsonValue): Promise<void> {
    const answer = await this.#handlers.answer(question, data);
    const said = JSON.stringify({ kind: 'answer', id, answer } satisfies object);
    const fits = said.length <= MAX_ANSWER_CHARS;
    if (!fits) this.#drop('too_large');
    const text = fits ? said : JSON.stringify({ kind: 'answer', id });
    this.#link?.publish(this.#channelOf(from), `${this.nodeId} ${text}`);
  }

  #sayTo(link: RedisLink, channel: string, message: NodeMessage): void {
    if (!link.publish(channel, `${this.nodeId} ${JSON.stringify(message)}`)) this.#drop('full');
  }

  #drop(reason: 'lost' | 'full' | 'unreadable' | 'too_large'): void {
    this.metrics.add('threadcast_cluster_dropped_messages_total', { reason });
  }

  #tellState(): void {
    for (const listener of this.#stateListeners) {
      try {
        listener(this.state);
      } catch (error) {
        this.#log.defect(error);
      }
    }
  }

  #channelOf(nodeId: string): string {
    return `${this.options.clusterName}:node:${nodeId}`;
  }
}
