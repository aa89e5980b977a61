import type { Role } from '../../src/identity/index.js';
import type { TestServer } from '../../src/testing/index.js';
import type { Parsed } from './event-source-client.js';

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Parsed;
}

/** Somebody who calls the API of a server, with roles. */
export class ApiCaller {
  private constructor(
    private readonly url: string,
    private readonly token: string,
  ) {}

  static async of(server: TestServer, userId: string, roles: readonly Role[] = []): Promise<ApiCaller> {
    return new ApiCaller(server.url, await server.token(userId, { roles }));
  }

  get(path: string): Promise<ApiAnswer> {
    return this.#call('GET', path);
  }

  post(path: string, body: unknown = {}): Promise<ApiAnswer> {
    return this.#call('POST', path, body);
  }

  delete(path: string): Promise<ApiAnswer> {
    return this.#call('DELETE', path);
  }

  /** A new thread's id. */
  async thread(fields: object = {}): Promise<string> {
    return (await this.post('/api/threads', fields)).body.threadId as string;
  }

  async #call(method: string, path: string, body?: unknown): Promise<ApiAnswer> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: { Authorization: `Bearer ${this.token}`, 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
  }
}
