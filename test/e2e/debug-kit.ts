import { OpenApi } from '../../src/reference/index.js';
import type { TestServer } from '../../src/testing/index.js';
import { OpenApiCheck } from '../support/openapi-check.js';
import type { Parsed } from './event-source-client.js';

export interface DebugAnswer {
  readonly status: number;
  readonly body: Parsed;
  /** As it came. */
  readonly text: string;
}

/** Asks a path as somebody with this role; null: with none. */
export async function askDebug(server: TestServer, path: string, role: 'admin' | null = 'admin'): Promise<DebugAnswer> {
  const token = await server.token('operator', role === null ? {} : { roles: [role] });
  const response = await fetch(`${server.url}${path}`, { headers: { Authorization: `Bearer ${token}` } });
  const text = await response.text();
  const body = JSON.parse(text) as unknown;
  const { status, headers } = response;
  OpenApiCheck.of(server.get(OpenApi)).check({ method: 'GET', path, status, headers, body });
  return { status, text, body };
}

/** Asks for an explanation, which there has to be. */
export async function askExplain(
  server: TestServer,
  question: { readonly threadId: string; readonly userId: string; readonly seq: number; readonly epoch?: string },
): Promise<Parsed> {
  const parameters = Object.entries(question).map(([name, value]) => [name, String(value)] as [string, string]);
  const { status, text, body } = await askDebug(server, `/debug/explain?${new URLSearchParams(parameters).toString()}`);
  if (status !== 200) throw new Error(text);
  return body;
}
