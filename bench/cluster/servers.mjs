import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

import { Redis } from 'ioredis';
import pg from 'pg';

const SAMPLE_MS = 200;

/** A database of the benchmark's own on the PostgreSQL that is given, and what its connections cost. */
export class Database {
  #admin;
  #name = `bench_${randomUUID().replaceAll('-', '')}`;
  #ticks = new Map();
  #timer;
  #ticksPerSecond = null;

  static async make(url) {
    const database = new Database();
    database.#admin = new pg.Client({ connectionString: url });
    await database.#admin.connect();
    await database.#admin.query(`create database ${database.#name}`);
    const own = new URL(url);
    own.pathname = `/${database.#name}`;
    database.url = own.href;
    return database;
  }

  /** How many connections there are, by what they say they are for. */
  async connections() {
    const counts = {};
    for (const { name } of (await this.#activity()).rows) {
      const purpose = name.replace(/ [0-9a-f-]{36}$/, '');
      counts[purpose] = (counts[purpose] ?? 0) + 1;
    }
    return counts;
  }

  /** From here on the CPU time of its connections is counted; the server's own processes (WAL, checkpoints) are not. */
  async watch() {
    this.#ticks.clear();
    await this.#sample();
    for (const times of this.#ticks.values()) times.from = times.to;
    this.#timer = setInterval(() => void this.#sample(), SAMPLE_MS);
  }

  /** CPU seconds since `watch`; null where the server is on another machine. */
  async watched() {
    clearInterval(this.#timer);
    await this.#sample();
    if (this.#ticks.size === 0) return null;
    const ticks = [...this.#ticks.values()].reduce((sum, { from, to }) => sum + to - from, 0);
    this.#ticksPerSecond ??= Number(execFileSync('getconf', ['CLK_TCK']));
    return ticks / this.#ticksPerSecond;
  }

  async remove() {
    await this.#admin.query(`drop database ${this.#name} with (force)`);
    await this.#admin.end();
  }

  #activity() {
    return this.#admin.query(
      'select pid, application_name as name from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()',
      [this.#name],
    );
  }

  async #sample() {
    for (const { pid } of (await this.#activity()).rows) {
      const to = ticksOf(pid);
      if (to === null) continue;
      this.#ticks.set(pid, { from: this.#ticks.get(pid)?.from ?? 0, to });
    }
  }
}

/** User and system time of a process here, in ticks; null: there is none that may be looked at. */
function ticksOf(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return Number(fields[11]) + Number(fields[12]);
  } catch {
    return null;
  }
}

/** A Redis of the benchmark's own, or the one that is given, and what it costs. */
export class Bus {
  #process = null;
  #client;

  static async start(given) {
    const bus = new Bus();
    if (given === undefined) await bus.#spawn();
    else bus.url = given;
    bus.#client = new Redis(bus.url, { lazyConnect: true });
    await bus.#client.connect();
    return bus;
  }

  async cpuSeconds() {
    const info = await this.#info('cpu');
    return Number(info.used_cpu_sys) + Number(info.used_cpu_user);
  }

  async memoryBytes() {
    return Number((await this.#info('memory')).used_memory);
  }

  /** Beside this one. */
  async connections() {
    return Number((await this.#info('clients')).connected_clients) - 1;
  }

  async end() {
    this.#client.disconnect();
    this.#process?.kill('SIGKILL');
  }

  async #info(section) {
    return Object.fromEntries((await this.#client.info(section)).split('\r\n').map((line) => line.split(':')));
  }

  async #spawn() {
    const port = await freePort();
    this.url = `redis://127.0.0.1:${port}`;
    this.#process = spawn('redis-server', ['--port', port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']);
    for await (const chunk of this.#process.stdout) if (String(chunk).includes('Ready to accept')) break;
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
