import { webSocketFrame } from './web-socket-frame.js';

/** A Socket.IO packet that goes to many connections. */
export class Packet {
  #frame: Buffer | null = null;

  constructor(readonly text: string) {}

  /** As a WebSocket frame, encoded once. Not to be written to. */
  get frame(): Buffer {
    this.#frame ??= webSocketFrame(this.text);
    return this.#frame;
  }
}
