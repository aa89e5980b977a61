import { webSocketFrames } from './web-socket-frame.js';

/** Socket.IO packets that go out together, to many connections. */
export class Packets {
  #frames: Buffer | null = null;

  constructor(private readonly tell: () => readonly string[]) {}

  /** Each as text, in order. */
  get texts(): readonly string[] {
    return this.tell();
  }

  /** All of them as WebSocket frames, one behind the other, encoded once. Not to be written to. */
  get frames(): Buffer {
    this.#frames ??= webSocketFrames(this.tell());
    return this.#frames;
  }
}
