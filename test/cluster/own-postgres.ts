import { execFile } from 'node:child_process';
import { chown, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { Daemon } from './daemon.js';
import { freePort } from './free-port.js';

const run = promisify(execFile);
const DEBIAN = '/usr/lib/postgresql';

/** PostgreSQL does not run as root: then it runs as the user that its package made. */
interface User {
  readonly uid?: number;
  readonly gid?: number;
}

/** A PostgreSQL of the test's own, which can go away and come back with what it has stored, on the same port. */
export class OwnPostgres {
  #daemon: Daemon | null = null;

  private constructor(
    private readonly programs: string,
    private readonly directory: string,
    private readonly port: number,
    private readonly user: User,
  ) {}

  static async start(): Promise<OwnPostgres> {
    const programs = await findPrograms();
    const user = process.getuid?.() === 0 ? await postgresUser() : {};
    const directory = await mkdtemp(join(tmpdir(), 'threadcast-pg-'));
    if (user.uid !== undefined && user.gid !== undefined) await chown(directory, user.uid, user.gid);
    const options = ['--auth=trust', '--username=test', '--encoding=UTF8', '--locale=C', '--no-sync'];
    await run(join(programs, 'initdb'), [...options, '-D', join(directory, 'data')], { ...user, cwd: directory });
    const postgres = new OwnPostgres(programs, directory, await freePort(), user);
    await postgres.start();
    return postgres;
  }

  get url(): string {
    return `postgres://test@127.0.0.1:${this.port}/postgres`;
  }

  async start(): Promise<void> {
    const settings = [`port=${this.port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories='];
    const args = ['-D', join(this.directory, 'data'), ...settings.flatMap((setting) => ['-c', setting])];
    const options = { ...this.user, cwd: this.directory };
    const serves = /database system is ready to accept connections/;
    this.#daemon = await Daemon.start(join(this.programs, 'postgres'), args, serves, options);
  }

  /** A fast shutdown: transactions under way are rolled back, connections closed. */
  async stop(): Promise<void> {
    await this.#daemon?.stop('SIGINT');
  }

  /** Every process of it ends at once, as in a crash; the next start recovers from its own log. */
  async crash(): Promise<void> {
    await this.#daemon?.stop('SIGQUIT');
  }

  async remove(): Promise<void> {
    await this.crash();
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** The newest version's, where packages of Debian put them, or the one that is found by its name. */
async function findPrograms(): Promise<string> {
  const versions = await readdir(DEBIAN).catch(() => []);
  const newest = versions
    .map(Number)
    .filter(Number.isFinite)
    .sort((a, b) => b - a)[0];
  if (newest !== undefined) return join(DEBIAN, String(newest), 'bin');
  try {
    return (await run('pg_config', ['--bindir'])).stdout.trim();
  } catch (error) {
    throw new Error('This test starts a PostgreSQL of its own: install the server with its initdb.', { cause: error });
  }
}

async function postgresUser(): Promise<User> {
  const idOf = async (kind: string): Promise<number> => Number((await run('id', [kind, 'postgres'])).stdout);
  return { uid: await idOf('-u'), gid: await idOf('-g') };
}
