import { Daemon } from './daemon.js';
import { freePort } from './free-port.js';

/** A Redis of the test's own, in memory alone: what it held is gone when it comes back, on the same port. */
export class OwnRedis {
  #daemon: Daemon | null = null;

  private constructor(
    private readonly port: number,
    private readonly more: readonly string[],
  ) {}

  /** `more`: options of its command line. */
  static async start(more: readonly string[] = []): Promise<OwnRedis> {
    const redis = new OwnRedis(await freePort(), more);
    await redis.start();
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const options = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    this.#daemon = await Daemon.start('redis-server', [...options, ...this.more], /Ready to accept connections/);
  }

  /** As by its operator: connections are closed. */
  async stop(): Promise<void> {
    await this.#daemon?.stop('SIGTERM');
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    await this.#daemon?.stop('SIGKILL');
  }

  /** It answers nobody any more, and closes nothing. */
  freeze(): void {
    this.#daemon?.freeze();
  }

  thaw(): void {
    this.#daemon?.thaw();
  }
}
