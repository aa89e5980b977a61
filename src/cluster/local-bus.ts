import type { Clock } from '../clock/index.js';
import { Log } from '../logs/index.js';
import type { JsonValue } from '../protocol/index.js';
import { Bus, type Answers, type BusState, type ClusterNode, type QuestionHandler, type TopicListener } from './bus.js';
import { QuestionHandlers } from './question-handlers.js';
import type { ThisNode } from './this-node.js';

/** The bus of a node that is alone: it is always joined, and nobody else is there. */
export class LocalBus extends Bus {
  readonly #handlers = new QuestionHandlers(new Log('Bus'));
  #closed = false;

  constructor(
    private readonly node: ThisNode,
    private readonly clock: Clock,
  ) {
    super();
  }

  override readonly isShared = false;
  override readonly state: BusState = 'joined';
  override readonly lostSince = null;

  override get nodeId(): string {
    return this.node.node;
  }

  override join(): Promise<void> {
    return Promise.resolve();
  }

  override close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  override publish(): void {
    return;
  }

  override subscribe(_topic: string, listener: TopicListener): () => void {
    let listens = true;
    this.clock.soon(() => {
      if (listens && !this.#closed) listener.listening();
    });
    return () => {
      listens = false;
    };
  }

  override async ask(question: string, data: JsonValue): Promise<Answers> {
    const answer = await this.#handlers.answer(question, data);
    if (answer === undefined) return { answers: new Map(), silent: [this.nodeId] };
    return { answers: new Map([[this.nodeId, answer]]), silent: [] };
  }

  override answer(question: string, handler: QuestionHandler): () => void {
    return this.#handlers.add(question, handler);
  }

  override nodes(): readonly ClusterNode[] {
    return [{ nodeId: this.nodeId, startedAt: this.node.startedAt }];
  }

  override onState(): () => void {
    return () => undefined;
  }
}
