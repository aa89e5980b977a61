import type { Answers, HistoryAnswer, JsonValue, ServerEvents } from '../protocol/index.js';
import type { ClientOptions, ClientState } from './client-state.js';
import { ThreadcastClientError } from './client-error.js';
import { FollowedThread, type FollowOptions, type ThreadHost } from './followed-thread.js';
import { Link } from './link.js';
import { Listeners, when } from './listeners.js';
import { Outbox } from './outbox.js';
import type { HistoryPage, NewThread, SendOptions, StartOptions } from './requests.js';
import { later, newKey } from './surroundings.js';
import type { ThreadEvent } from './wire.js';

/** A chat that begins with its first message: the messages sent before the server has named it go there, too. */
interface Draft {
  threadId: string | undefined;
}

const PAGE = 500;
const FAREWELL_MS = 2_000;

/**
 * One user's connection to Threadcast. It comes back whatever the network does, goes on with every thread where it was,
 * and sends what was not answered again.
 */
export class ThreadcastClient {
  readonly #states = new Listeners<ClientState>();
  readonly #activities = new Listeners<ServerEvents['thread_activity']>();
  readonly #drainings = new Listeners<ServerEvents['server_draining']>();
  readonly #detachments = new Listeners<ServerEvents['thread_detached']>();
  readonly #threads = new Map<string, FollowedThread>();
  /** Followed for as long as they are active, and not because somebody asked for it. */
  readonly #visited = new Set<FollowedThread>();
  readonly #link: Link;
  readonly #outbox: Outbox;
  readonly #host: ThreadHost;
  #active: string | null = null;
  #draft: Draft = { threadId: undefined };
  #switching: Promise<unknown> = Promise.resolve();
  #irregular = { holes: 0, repetitions: 0 };

  constructor(options: ClientOptions) {
    const emit: Link['emit'] = (type, payload, answered) => this.#link.emit(type, payload, answered);
    this.#outbox = new Outbox(emit, options.maxWaiting ?? 1_000, () => this.#changed());
    this.#host = {
      emit,
      maxBuffered: options.maxBuffered ?? 1_000,
      acknowledges: options.acknowledge ?? true,
      read: async (threadId, after) =>
        (await this.history(threadId, { after, limit: PAGE })).events as readonly ThreadEvent[],
      irregular: (what) => {
        this.#irregular = { ...this.#irregular, [what]: this.#irregular[what] + 1 };
        this.#changed();
      },
      left: (thread) => this.#left(thread),
    };
    this.#link = new Link(options, {
      changed: () => this.#changed(),
      ready: () => this.#ready(),
      gone: () => {
        this.#outbox.shut();
        for (const thread of this.#threads.values()) thread.disconnected();
      },
      failed: (error) => this.#over(error, 'detached'),
    });
    this.#listen();
  }

  get state(): ClientState {
    const { waiting, repeated } = this.#outbox;
    return { ...this.#link.state, ...this.#irregular, activeThreadId: this.#active, waiting, repeated };
  }

  /** The threads that are followed. */
  get threads(): readonly FollowedThread[] {
    return [...this.#threads.values()];
  }

  onState(listener: (state: ClientState) => void): () => void {
    return this.#states.add(listener);
  }

  /** A run of yours has ended or asks, in a thread that none of your connections follows. */
  onActivity(listener: (activity: ServerEvents['thread_activity']) => void): () => void {
    return this.#activities.add(listener);
  }

  /** The server is about to close; the client comes back by itself. */
  onDraining(listener: (draining: ServerEvents['server_draining']) => void): () => void {
    return this.#drainings.add(listener);
  }

  /** The server has ended the following of a thread: it was deleted, or you are no member any more. */
  onDetached(listener: (detachment: ServerEvents['thread_detached']) => void): () => void {
    return this.#detachments.add(listener);
  }

  /** Resolves when requests are served. Rejects when the server has refused for good, or the client is closed. */
  ready(): Promise<void> {
    const look = (): boolean => {
      const { status, error } = this.#link.state;
      if (status === 'failed' || status === 'closed') throw error ?? ThreadcastClientError.closed();
      return status === 'ready';
    };
    return when(look, (changed) => this.onState(changed));
  }

  /** Follows a thread until it is closed. A thread that is followed already is given as it is. */
  follow(threadId: string, options: FollowOptions = {}): FollowedThread {
    const thread = this.#followed(threadId, options);
    this.#visited.delete(thread);
    return thread;
  }

  /**
   * Makes a thread the active one, followed for as long as it is. Of several, the last one wins. The one before is left, unless
   * `follow` was called for it. Refused, it leaves everything as it was.
   */
  switchThread(threadId: string, options: FollowOptions = {}): Promise<FollowedThread> {
    const switched = this.#switching.then(async () => {
      const known = this.#threads.has(threadId);
      const thread = this.#followed(threadId, options);
      if (!known) this.#visited.add(thread);
      try {
        await thread.followed();
        await this.#outbox.ask('switch_thread', () => ({ threadId }));
      } catch (error) {
        if (!known && this.#active !== threadId && this.#visited.has(thread)) thread.close();
        throw error;
      }
      this.#activate(thread);
      return thread;
    });
    this.#switching = switched.catch(() => undefined);
    return switched;
  }

  /**
   * Sends a message, once, whatever the network does: it waits for a connection, and is sent again under its `messageId` until it is
   * answered. Messages and starts arrive in the order in which they were given. Its thread becomes the active one. Rejects with the
   * code where it is refused.
   */
  send(content: string, options: SendOptions = {}): Promise<Answers['user_message']> {
    const { messageId = newKey(), ...rest } = options;
    return this.#start(options.threadId, (threadId, answered) =>
      this.#outbox.ask('user_message', () => ({ ...rest, ...threadId(), content, messageId }), answered),
    );
  }

  /** Starts an agent without a message; as `send` otherwise. */
  start(agent: string, options: StartOptions = {}): Promise<Answers['start_agent']> {
    const { messageId = newKey(), ...rest } = options;
    return this.#start(options.threadId, (threadId, answered) =>
      this.#outbox.ask('start_agent', () => ({ ...rest, ...threadId(), agent, messageId }), answered),
    );
  }

  stop(runId: string, reason?: string): Promise<Answers['stop_agent']> {
    return this.#outbox.ask('stop_agent', () => ({ runId, ...(reason !== undefined && { reason }) }));
  }

  /** Answers an `input_requested`. The same answer again changes nothing. */
  provideInput(runId: string, requestId: string, value: JsonValue): Promise<Answers['provide_input']> {
    return this.#outbox.ask('provide_input', () => ({ runId, requestId, value }));
  }

  /** Makes an empty thread, once. It is neither followed nor active. */
  createThread(options: NewThread = {}): Promise<Answers['create_thread']> {
    const threadId = options.threadId ?? `thread_${newKey()}`;
    return this.#outbox.ask('create_thread', () => ({ ...options, threadId }));
  }

  history(threadId: string, page: HistoryPage = {}): Promise<HistoryAnswer> {
    return this.#outbox.ask('get_thread_history', () => ({ ...page, threadId }));
  }

  /** Leaves the active thread: the next message without a thread begins a new one. */
  newChat(): void {
    const thread = this.#active === null ? undefined : this.#threads.get(this.#active);
    this.#active = null;
    this.#draft = { threadId: undefined };
    if (thread !== undefined && this.#visited.has(thread)) thread.close();
    this.#changed();
  }

  /** Tells the server what was seen, and disconnects. What was not answered is rejected with `client_closed`. */
  async close(): Promise<void> {
    const told = Promise.all([...this.#threads.values()].map((thread) => thread.finish()));
    let calledOff: (() => void) | undefined;
    await Promise.race([told, new Promise<void>((resolve) => (calledOff = later(FAREWELL_MS, resolve)))]);
    calledOff?.();
    this.#link.close();
    this.#over(ThreadcastClientError.closed(), 'closed');
  }

  #listen(): void {
    const { socket } = this.#link;
    socket.on('events', (events) => this.#take(events));
    socket.on('thread_caught_up', ({ threadId, head }) => this.#threads.get(threadId)?.live(head));
    socket.on('thread_activity', (activity) => this.#activities.tell(activity));
    socket.on('server_draining', (draining) => this.#drainings.tell(draining));
    socket.on('thread_detached', (detachment) => {
      this.#threads.get(detachment.threadId)?.detach(detachment.reason);
      this.#detachments.tell(detachment);
    });
  }

  /** Events of several threads may come in one frame; each thread is told once. */
  #take(events: readonly ThreadEvent[]): void {
    const byThread = new Map<string, ThreadEvent[]>();
    for (const event of events) {
      const own = byThread.get(event.threadId);
      if (own === undefined) byThread.set(event.threadId, [event]);
      else own.push(event);
    }
    for (const [threadId, own] of byThread) this.#threads.get(threadId)?.take(own);
  }

  #ready(): void {
    for (const thread of this.#threads.values()) thread.follow();
    const threadId = this.#active;
    if (threadId !== null) this.#link.emit('switch_thread', { threadId }, () => undefined);
    this.#outbox.open();
  }

  #followed(threadId: string, options: FollowOptions): FollowedThread {
    const known = this.#threads.get(threadId);
    if (known !== undefined) return known;
    const thread = new FollowedThread(threadId, options, this.#host);
    const { status, error } = this.#link.state;
    if (status === 'failed' || status === 'closed') {
      thread.end(status === 'failed' ? 'detached' : 'closed', error);
      return thread;
    }
    this.#threads.set(threadId, thread);
    if (status === 'ready') thread.follow();
    return thread;
  }

  #start<A extends { readonly threadId: string }>(
    given: string | undefined,
    ask: (threadId: () => { threadId?: string }, answered: (answer: A) => void) => Promise<A>,
  ): Promise<A> {
    const place = given ?? this.#active;
    const draft: Draft = place === null ? this.#draft : { threadId: place };
    const threadId = (): { threadId?: string } => (draft.threadId === undefined ? {} : { threadId: draft.threadId });
    return ask(threadId, (answer) => {
      const begins = draft === this.#draft;
      draft.threadId ??= answer.threadId;
      // What was sent before the user went elsewhere does not take them back.
      if (begins || given !== undefined) this.#visit(answer.threadId);
    });
  }

  #visit(threadId: string): void {
    const known = this.#threads.has(threadId);
    const thread = this.#followed(threadId, {});
    if (!known) this.#visited.add(thread);
    this.#activate(thread);
  }

  #activate(thread: FollowedThread): void {
    const before = this.#active === null ? undefined : this.#threads.get(this.#active);
    this.#active = thread.threadId;
    this.#draft = { threadId: undefined };
    if (before !== undefined && before !== thread && this.#visited.has(before)) before.close();
    this.#changed();
  }

  #left(thread: FollowedThread): void {
    if (this.#threads.get(thread.threadId) !== thread) return;
    this.#threads.delete(thread.threadId);
    this.#visited.delete(thread);
    if (this.#active === thread.threadId) this.#active = null;
    this.#link.emit('unsubscribe_thread', { threadId: thread.threadId }, () => undefined);
    this.#changed();
  }

  #over(error: ThreadcastClientError, status: 'closed' | 'detached'): void {
    this.#outbox.close(error);
    for (const thread of this.#threads.values()) thread.end(status, status === 'closed' ? null : error);
    this.#threads.clear();
    this.#changed();
  }

  #changed(): void {
    this.#states.tell(this.state);
  }
}
