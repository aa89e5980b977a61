import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Kinds of frames (RFC 6455, 5.2). */
export const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;

/** One frame as it is written, right or wrong. */
export interface RawFrame {
  readonly opcode: number;
  readonly payload: Buffer;
  /** Default: the last frame of its message, no reserved bits, masked, and as long as its payload is. */
  readonly fin?: boolean;
  readonly reserved?: number;
  readonly masked?: boolean;
  readonly declared?: bigint;
}

/** A WebSocket by hand: it can send what no library sends. Texts that come are handed on, the rest is ignored. */
export class RawWebSocket {
  /** Resolves when the TCP connection is over, whoever ended it. */
  readonly closed: Promise<void>;
  isClosed = false;
  onText: (text: string) => void = () => undefined;
  #received: Buffer = Buffer.alloc(0);
  readonly #parts: Buffer[] = [];

  private constructor(private readonly tcp: Socket) {
    this.closed = new Promise((resolve) => {
      tcp.once('close', () => {
        this.isClosed = true;
        resolve();
      });
    });
    // A server that ends a connection while it is written to resets it.
    tcp.on('error', () => undefined);
  }

  /** Resolves once the upgrade was answered with 101; rejects with the status line otherwise. */
  static async open(url: string, path: string, headers: Readonly<Record<string, string>> = {}): Promise<RawWebSocket> {
    const { hostname, port, host } = new URL(url);
    const tcp = connect(Number(port), hostname);
    const socket = new RawWebSocket(tcp);
    const lines = Object.entries({
      Host: host,
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
      ...headers,
    }).map(([name, value]) => `${name}: ${value}`);
    await once(tcp, 'connect');
    tcp.write(`GET ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
    const rest = await answered(tcp);
    tcp.on('data', (chunk: Buffer) => socket.#take(chunk));
    socket.#take(rest);
    return socket;
  }

  sendText(text: string): void {
    this.send({ opcode: TEXT, payload: Buffer.from(text) });
  }

  sendBinary(payload: Buffer): void {
    this.send({ opcode: BINARY, payload });
  }

  send(frame: RawFrame): void {
    if (!this.isClosed) this.tcp.write(encode(frame));
  }

  stopReading(): void {
    this.tcp.pause();
  }

  /** Without a goodbye. */
  drop(): void {
    this.tcp.destroy();
  }

  #take(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    for (let frame = this.#next(); frame !== null; frame = this.#next()) {
      if (frame.opcode === CLOSE) {
        this.tcp.destroy();
        return;
      }
      if (frame.opcode > BINARY) continue;
      this.#parts.push(frame.payload);
      if (frame.fin) {
        const whole = Buffer.concat(this.#parts.splice(0));
        this.onText(whole.toString());
      }
    }
  }

  #next(): { opcode: number; fin: boolean; payload: Buffer } | null {
    const bytes = this.#received;
    if (bytes.length < 2) return null;
    const [first = 0, second = 0] = bytes;
    const short = second & 0x7f;
    const head = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (bytes.length < head) return null;
    const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
    if (bytes.length < head + length) return null;
    this.#received = bytes.subarray(head + length);
    return { opcode: first & 0x0f, fin: (first & 0x80) !== 0, payload: bytes.subarray(head, head + length) };
  }
}

/** Reads the head of the answer; resolves with what came behind it. */
async function answered(tcp: Socket): Promise<Buffer> {
  let head: Buffer = Buffer.alloc(0);
  return new Promise((resolve, reject) => {
    const refuse = (): void => reject(new Error(head.toString('latin1').split('\r\n')[0] ?? ''));
    const listen = (chunk: Buffer): void => {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      tcp.off('data', listen).off('close', refuse);
      if (head.toString('latin1').startsWith('HTTP/1.1 101')) resolve(head.subarray(end + 4));
      else refuse();
    };
    tcp.on('data', listen).once('close', refuse);
  });
}

/** The mask is zero, which changes nothing and is as good as any. */
function encode({ opcode, payload, fin = true, reserved = 0, masked = true, declared }: RawFrame): Buffer {
  const length = declared ?? BigInt(payload.length);
  const short = length < 126n ? Number(length) : length < 65_536n ? 126 : 127;
  const head = [(fin ? 0x80 : 0) | ((reserved & 7) << 4) | (opcode & 0x0f), (masked ? 0x80 : 0) | short];
  const size = Buffer.alloc(short === 126 ? 2 : short === 127 ? 8 : 0);
  if (short === 126) size.writeUInt16BE(Number(length));
  if (short === 127) size.writeBigUInt64BE(BigInt.asUintN(64, length));
  return Buffer.concat([Buffer.from(head), size, Buffer.alloc(masked ? 4 : 0), payload]);
}
