import { connect } from 'node:net';

/** How an exchange over one TCP connection went. */
export interface RawExchange {
  /** Everything that came, as Latin-1 text; it ends with the connection, or with the head of an event stream. */
  readonly received: Promise<string>;
  /** Ends it from here. */
  drop(): void;
}

/** Sends these bytes and reads until the server closes the connection, which it has to be asked for. */
export function exchange(url: string, bytes: Buffer): RawExchange {
  const { hostname, port } = new URL(url);
  const tcp = connect(Number(port), hostname);
  let text = '';
  // A server that ends a connection while it is written to resets it.
  tcp.on('error', () => undefined).setEncoding('latin1');
  tcp.on('data', (chunk: string) => {
    text += chunk;
    if (/\r\ncontent-type: text\/event-stream/i.test(text)) tcp.destroy();
  });
  tcp.write(bytes);
  return {
    received: new Promise((resolve) => tcp.once('close', () => resolve(text))),
    drop: () => tcp.destroy(),
  };
}

export interface RawAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** The last answer of an exchange; null: there is none. */
export function lastAnswer(received: string): RawAnswer | null {
  const [, status, head = '', body = ''] =
    /^(?:HTTP\/1\.1 100 .*?\r\n\r\n)?HTTP\/1\.1 (\d{3})(.*?)\r\n\r\n(.*)$/s.exec(received) ?? [];
  if (status === undefined) return null;
  return { status: Number(status), head, body: /\r\ntransfer-encoding: chunked/i.test(head) ? unchunked(body) : body };
}

function unchunked(body: string): string {
  const [, size = '0'] = /^([0-9a-f]+)\r\n/i.exec(body) ?? [];
  const length = Number.parseInt(size, 16);
  const begin = size.length + 2;
  return length === 0 ? '' : body.slice(begin, begin + length) + unchunked(body.slice(begin + length + 2));
}

/** A request whose framing is right, whatever it says. Header values are Latin-1. */
export function requestBytes(
  method: string,
  path: string,
  headers: readonly (readonly [string, string])[],
  body: Buffer | null,
): Buffer {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const length = body === null ? '' : `Content-Length: ${body.length}\r\n`;
  const head = Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines}${length}Connection: close\r\n\r\n`, 'latin1');
  return body === null ? head : Buffer.concat([head, body]);
}
