import { TestServer } from '../../src/testing/index.js';
import { TempDirs } from '../support/temp-dir.js';

/** Bounds that stories go past on purpose, and others that they must not meet. */
export const STORY_ENV = {
  SLOW_CONSUMER_BYTES: '16384',
  RATE_LIMIT_MESSAGES_PER_SEC: '100000',
  RATE_LIMIT_BURST: '100000',
  PENDING_MAX_MESSAGES: '10000',
};

/** Where a story plays: servers on the same data. */
export interface Stage {
  readonly servers: readonly TestServer[];
  token(userId: string): Promise<string>;
  /** The server at this place goes away and comes back on the same data. */
  restart(place: number): Promise<void>;
  /** Something of what a stage may do to the ways of a server to others. */
  disturb(place: number, how: string): void;
  end(): Promise<void>;
}

/** A server on its own file. */
export class OneServer implements Stage {
  private constructor(
    private server: TestServer,
    private readonly dirs: TempDirs,
    private readonly dataDir: string,
  ) {}

  static async start(): Promise<OneServer> {
    const dirs = new TempDirs();
    const dataDir = await dirs.make();
    return new OneServer(await startServer(dataDir), dirs, dataDir);
  }

  get servers(): readonly TestServer[] {
    return [this.server];
  }

  token(userId: string): Promise<string> {
    return this.server.token(userId);
  }

  async restart(): Promise<void> {
    await this.server.stop();
    this.server = await startServer(this.dataDir);
  }

  disturb(_place: number, how: string): never {
    throw new Error(`A server alone has no way that could be ${how}.`);
  }

  async end(): Promise<void> {
    await this.server.close();
    await this.dirs.remove();
  }
}

function startServer(dataDir: string): Promise<TestServer> {
  return TestServer.start({ dataDir, env: STORY_ENV });
}
