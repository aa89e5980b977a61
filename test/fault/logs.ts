/** The logs of some threads, envelope by envelope, byte for byte as the server gave them. */
export type Logs = ReadonlyMap<string, readonly string[]>;

interface ThreadList {
  readonly threads: readonly { readonly threadId: string }[];
  readonly nextCursor: string | null;
}

/** Reads every log of every thread that these users may read. */
export async function readLogs(url: string, tokens: Iterable<string>): Promise<Logs> {
  const logs = new Map<string, readonly string[]>();
  for (const token of tokens) {
    for (const threadId of await listThreads(url, token)) {
      if (!logs.has(threadId)) logs.set(threadId, await readLog(url, token, threadId));
    }
  }
  return logs;
}

async function listThreads(url: string, token: string): Promise<string[]> {
  const threadIds: string[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const query = cursor === '' ? '' : `?cursor=${encodeURIComponent(cursor)}`;
    const page = JSON.parse(await get(`${url}/api/threads${query}`, token)) as ThreadList;
    threadIds.push(...page.threads.map(({ threadId }) => threadId));
    cursor = page.nextCursor;
  }
  return threadIds;
}

async function readLog(url: string, token: string, threadId: string): Promise<string[]> {
  const log: string[] = [];
  for (let after: number | null = 0; after !== null;) {
    const page = await get(`${url}/api/threads/${threadId}/events?limit=1000&after=${after}`, token);
    const { events, nextAfter } = JSON.parse(page) as { events: unknown[]; nextAfter: number | null };
    const end = page.lastIndexOf(`],"head":`);
    const begin = `{"threadId":"${threadId}","seq":`;
    const raw = page.slice('{"events":['.length, end).split(`,${begin}`);
    raw.forEach((text, index) => (raw[index] = index === 0 ? text : begin + text));
    if (events.length > 0) {
      if (raw.length !== events.length) throw new Error(`A page of ${threadId} could not be taken apart.`);
      log.push(...raw);
    }
    after = nextAfter;
  }
  return log;
}

async function get(url: string, token: string): Promise<string> {
  const response = await fetch(url, { headers: { Authorization: `Bearer ${token}` } });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url} was answered ${response.status}: ${text}`);
  return text;
}
