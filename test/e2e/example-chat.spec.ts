import { afterEach, describe, expect, it } from '@jest/globals';
import { SignJWT } from 'jose';

import { TestServer } from '../../src/testing/index.js';
import { Wire, runExample } from './example-process.js';

const SECRET = 'a secret that is long enough for a test of tokens';

describe('npm run chat', () => {
  const open: { close(): Promise<void> }[] = [];

  afterEach(async () => {
    for (const one of open.splice(0).reverse()) await one.close();
  });

  async function serve(env: Record<string, string> = {}): Promise<TestServer> {
    const server = await TestServer.start({ env });
    open.push(server);
    return server;
  }

  async function wire(server: TestServer, cutBefore: (said: string) => boolean): Promise<string> {
    const between = new Wire(server.url, cutBefore);
    open.push(between);
    return between.listen();
  }

  it('holds a conversation with piped input, and ends after the last answer', async () => {
    const server = await serve();
    const { code, stdout, stderr } = await runExample('chat.mjs', [server.url], 'hello big world\n\nand again\n');

    expect({ code, stdout }).toEqual({ code: 0, stdout: 'hello big world\nand again\n' });
    expect(stderr).toContain('count_words: {"words":3}');
    expect(stderr.match(/new thread/g)).toHaveLength(1);
  });

  it('answers what the agent asks', async () => {
    const server = await serve();
    const metadata = ['--metadata', '{"echo":{"ask":"Which one?"}}'];
    const { code, stdout, stderr } = await runExample('chat.mjs', [server.url, ...metadata], 'go\nthe red one\n');

    expect({ code, stdout }).toEqual({ code: 0, stdout: 'the red one\n' });
    expect(stderr).toContain('? Which one?');
  });

  it('lists, reads, leaves and goes on in threads', async () => {
    const server = await serve();
    const first = await runExample('chat.mjs', [server.url, '--user', 'bob'], 'first\n/new\nsecond\n/threads\n');
    const [one, other] = [...first.stderr.matchAll(/new thread (\S+)\)/g)].map(([, threadId]) => threadId);
    const lines = `/switch ${other}\nthird\n/history\n`;
    const later = await runExample('chat.mjs', [server.url, '--user', 'bob', '--thread', one!], lines);

    expect(first.stderr).toMatch(new RegExp(`\\* ${other}.*\\n {2}${one}`));
    expect(later.code).toBe(0);
    expect(later.stdout).toBe('first\nsecond\nthird\nsecond\nthird\n');
  });

  it('goes on at its position when the connection is cut, losing and repeating nothing', async () => {
    const server = await serve();
    const text = Array.from({ length: 40 }, (_, n) => `word${n}`).join(' ');
    let saying = 0;
    // In the middle of the answer, and again in the middle of what is replayed then.
    const url = await wire(server, (said) => said.includes('"agent_delta"') && [8, 9].includes((saying += 1)));
    const metadata = ['--metadata', '{"echo":{"delayMs":20}}'];
    const { code, stdout, stderr } = await runExample('chat.mjs', [url, ...metadata], `${text}\nthe end\n`);

    expect({ code, stdout }).toEqual({ code: 0, stdout: `${text}\nthe end\n` });
    expect(stderr.match(/connection is lost/g)).toHaveLength(2);
    expect(stderr).toMatch(/back, after event \d+/);
    expect(stderr).not.toContain('broke its promise');
  });

  it('says a message once when the answer to it is lost, and shows all of its answer', async () => {
    const server = await serve();
    let cut = false;
    const url = await wire(server, (said) => !cut && (cut = said.includes('"duplicate":false')));
    const { code, stdout, stderr } = await runExample('chat.mjs', [url], 'only once\n/history\n');

    expect(cut).toBe(true);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'only once\nonly once\n' });
    expect(stderr.match(/you: only once/g)).toHaveLength(1);
  });

  it('ends with 1 when an answer failed', async () => {
    const server = await serve();
    const failing = ['--metadata', '{"echo":{"failAfter":1}}'];
    const { code, stderr } = await runExample('chat.mjs', [server.url, ...failing], 'one two\n');

    expect(code).toBe(1);
    expect(stderr).toContain('(run_failed)');
  });

  it('says that there is no server', async () => {
    const server = await serve();
    await server.stop();
    const { code, stderr } = await runExample('chat.mjs', [server.url], 'hello\n');

    expect(code).toBe(1);
    expect(stderr).toContain('Nothing listens at');
  });

  it('says what to do where there are no development tokens, and takes one of the issuer', async () => {
    const server = await serve({ AUTH_JWT_SECRET: SECRET });
    const token = await new SignJWT({})
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject('carol')
      .setExpirationTime('5 minutes')
      .sign(new TextEncoder().encode(SECRET));

    const without = await runExample('chat.mjs', [server.url], 'hello\n');
    const withBad = await runExample('chat.mjs', [server.url, '--token', 'nonsense'], 'hello\n');
    const withOne = await runExample('chat.mjs', [server.url, '--token', token], 'hello\n');

    expect([without.code, withBad.code, withOne.code]).toEqual([1, 1, 0]);
    expect(without.stderr).toContain('--token TOKEN');
    expect(withBad.stderr).toContain('(unauthenticated)');
    expect(withOne.stdout).toBe('hello\n');
  });
});
