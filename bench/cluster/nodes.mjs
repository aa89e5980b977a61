import { randomUUID } from 'node:crypto';

import { SignJWT } from 'jose';

import { Child } from '../support/process.mjs';
import { ThreadcastServer } from '../support/servers.mjs';

const SECRET = 'a secret that all nodes of the benchmark share';

function tokenOf(userId) {
  return new SignJWT({ sub: userId })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('2h')
    .sign(new TextEncoder().encode(SECRET));
}

/** Nodes of one cluster, each with a process of clients of its own. */
export class Nodes {
  servers = [];
  loads = [];
  #ports = [];

  /** `bus` null: one node alone, without a cluster. */
  static async start(count, database, bus) {
    const nodes = new Nodes();
    const node = {
      DATABASE_URL: database.url,
      AUTH_JWT_SECRET: SECRET,
      NODE_ENV: 'test',
      // What is printed is the result, also as JSON.
      LOG_LEVEL: 'error',
      ...(bus !== null && { REDIS_URL: bus.url, CLUSTER_NAME: `bench-${randomUUID()}` }),
    };
    const env = { BENCH_NODE: JSON.stringify(node) };
    const token = await tokenOf('bench');
    for (let index = 0; index < count; index += 1) {
      nodes.servers.push(new ThreadcastServer(env, token));
      nodes.loads.push(new Child('load.mjs'));
    }
    nodes.#ports = (await Promise.all(nodes.servers.map((server) => server.listen()))).map(({ port }) => port);
    return nodes;
  }

  /** The same call to every node; `args`: of the node at this place. */
  all(name, args = () => []) {
    return Promise.all(this.servers.map((server, index) => server.call(name, ...args(index))));
  }

  /** The same call to every process of clients. */
  clients(name, args = () => []) {
    return Promise.all(this.loads.map((load, index) => load.call(name, ...args(index))));
  }

  /** So many clients of this user at each node. */
  async connect(perNode, userId = 'bench') {
    const token = await tokenOf(userId);
    await this.clients('connect', (index) => [{ port: this.#ports[index], token, frames: null }, perNode]);
  }

  async end() {
    await Promise.all([...this.loads, ...this.servers].map((child) => child.end()));
  }
}
