import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import type { Clock } from '../clock/index.js';
import { ThreadcastError } from '../errors/index.js';
import { answerJson, answerProblem, answerSocket, answerUnreadable } from './gate-answers.js';
import type { HealthReport } from './health.js';
import type { LifecyclePhase } from './lifecycle.js';
import { listenError } from './listen-error.js';
import { setSecurityHeaders } from './security-headers.js';

/** Where Socket.IO lives. */
export const SOCKET_PATH = '/socket.io';

/** What stays reachable while the process drains. */
const OPERATOR_PATHS: readonly string[] = ['/health/live', '/health/ready', '/metrics'];

/** What the gate goes by; asked anew for each request. */
export interface GateView {
  phase(): LifecyclePhase;
  startup(): HealthReport;
  /** Told of each TCP connection that is refused since too many are open. */
  refused(): void;
}

/**
 * Two HTTP servers. The outer one listens from the first moment; the inner one never listens, and everything that
 * is attached to it (Nest's adapter, engine.io) gets its requests and upgrades from the outer one, once the process is
 * ready. Until then, and again while it drains, the gate between them answers 503 with `Retry-After`; a process
 * that merely did not listen yet would refuse connections, which clients and balancers take for a dead node.
 *
 * While draining, what is open goes on: requests in hand, sockets, and the polls of Socket.IO sessions.
 */
export class GatedServer {
  readonly inner = createServer();
  readonly #outer = createServer();
  readonly #sockets = new Set<Socket>();
  /** Sockets with a request that is not answered to the end. */
  readonly #answering = new WeakSet<Duplex>();
  readonly #waitingForQuiet: (() => void)[] = [];
  #requestsInHand = 0;
  #closed: Promise<void> | undefined;

  constructor(
    private readonly view: GateView,
    private readonly clock: Clock,
    maxSockets?: number,
  ) {
    if (maxSockets !== undefined) this.#outer.maxConnections = maxSockets;
    this.#outer.on('drop', () => this.view.refused());
    const sockets = this.#sockets;
    // The same for all sockets, of which there is one for each connection.
    function onClose(this: Socket): void {
      sockets.delete(this);
    }
    this.#outer.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', onClose);
    });
    this.#outer.on('request', (req, res) => this.#onRequest(req, res));
    this.#outer.on('checkContinue', (req, res) => this.#onRequest(req, res, true));
    // An expectation that nobody knows is left unmet, which the client sees by the answer.
    this.#outer.on('checkExpectation', (req, res) => this.#onRequest(req, res));
    this.#outer.on('clientError', (error: NodeJS.ErrnoException, socket) => this.#onUnreadable(error, socket));
    this.#outer.on('upgrade', (req, socket, head) => this.#onUpgrade(req, socket, head));
  }

  /** Rejects with a `StartupError` that says in words why this address cannot be listened on. */
  listen(port: number, host: string): Promise<AddressInfo> {
    return new Promise((resolve, reject) => {
      const onError = (error: NodeJS.ErrnoException): void => reject(listenError(error, port, host));
      this.#outer.once('error', onError);
      this.#outer.listen(port, host, () => {
        this.#outer.removeListener('error', onError);
        const address = this.#outer.address();
        if (address === null || typeof address === 'string') throw new Error('A TCP server has an address and a port.');
        resolve(address);
      });
    });
  }

  /** Resolves when no API request is in hand. Polls of Socket.IO do not count: they end with their connections. */
  requestsEnded(): Promise<void> {
    if (this.#requestsInHand === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waitingForQuiet.push(resolve));
  }

  /**
   * Stops listening and closes idle connections at once; whatever is still open after `graceMs`, upgraded sockets
   * included, is destroyed. Resolves when nothing is open any more. Repeated calls join the first one.
   */
  shutdown(graceMs: number): Promise<void> {
    this.#closed ??= this.#close(graceMs);
    return this.#closed;
  }

  async #close(graceMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#outer.close(() => resolve()));
    const destroyAll = (): void => this.#sockets.forEach((socket) => socket.destroy());
    if (graceMs <= 0) destroyAll();
    const timer = this.clock.after(graceMs, destroyAll);
    await closed;
    timer.cancel();
  }

  #onRequest(req: IncomingMessage, res: ServerResponse, expectsContinue = false): void {
    setSecurityHeaders(req, res);
    this.#answering.add(req.socket);
    res.once('close', () => {
      this.#answering.delete(req.socket);
      if (this.#closed !== undefined) this.#outer.closeIdleConnections();
    });
    const phase = this.view.phase();
    if (phase === 'starting' && this.#answeredAsHealth(req, res)) return;
    const refusal = refusalFor(phase, req);
    // A client that was not told to continue may or may not send its body: the connection cannot be used again.
    if (phase !== 'ready' && (phase !== 'starting' || expectsContinue)) res.setHeader('Connection', 'close');
    if (refusal !== undefined) {
      answerProblem(res, refusal);
      return;
    }
    if (!pathOf(req).startsWith(`${SOCKET_PATH}/`)) this.#count(res);
    if (expectsContinue) res.writeContinue();
    if (!this.inner.emit('request', req, res)) answerProblem(res, new ThreadcastError('starting'));
  }

  #onUpgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    // Node has taken its own listener off, and an 'error' that nobody listens to would end the process.
    socket.on('error', destroy);
    const refusal = refusalFor(this.view.phase(), req);
    if (refusal !== undefined) {
      answerSocket(socket, refusal);
      return;
    }
    if (!this.inner.emit('upgrade', req, socket, head)) answerSocket(socket, new ThreadcastError('starting'));
  }

  /** What came is no HTTP, or did not come to its end. In the middle of another answer there is no place for one. */
  #onUnreadable({ code }: NodeJS.ErrnoException, socket: Duplex): void {
    if (!socket.writable || this.#answering.has(socket) || code === 'ECONNRESET') socket.destroy();
    else answerUnreadable(socket, code);
  }

  #answeredAsHealth(req: IncomingMessage, res: ServerResponse): boolean {
    if (req.method !== 'GET' && req.method !== 'HEAD') return false;
    const path = pathOf(req);
    if (path === '/health/live') answerJson(res, 200, { status: 'ok' });
    else if (path === '/health/ready') {
      res.setHeader('Retry-After', '1');
      answerJson(res, 503, this.view.startup());
    } else return false;
    return true;
  }

  #count(res: ServerResponse): void {
    this.#requestsInHand += 1;
    res.once('close', () => {
      this.#requestsInHand -= 1;
      if (this.#requestsInHand === 0) this.#waitingForQuiet.splice(0).forEach((quiet) => quiet());
    });
  }
}

function destroy(this: Duplex): void {
  this.destroy();
}

function refusalFor(phase: LifecyclePhase, req: IncomingMessage): ThreadcastError | undefined {
  if (phase === 'ready') return undefined;
  if (phase === 'starting') return new ThreadcastError('starting');
  return OPERATOR_PATHS.includes(pathOf(req)) || belongsToSession(req) ? undefined : new ThreadcastError('draining');
}

/** Whether the request is a poll, or the upgrade to WebSocket, of a Socket.IO session that exists already. */
function belongsToSession(req: IncomingMessage): boolean {
  const query = req.url?.split('?')[1];
  return pathOf(req).startsWith(`${SOCKET_PATH}/`) && new URLSearchParams(query).has('sid');
}

function pathOf(req: IncomingMessage): string {
  return req.url?.split('?')[0] ?? '/';
}
