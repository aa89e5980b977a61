import { webSocketFrames } from './web-socket-frame.js';

/** Socket.IO packets that go out together, to many connections. */
export class Packets {
  #texts: readonly string[] | null = null;
  #frames: Buffer | null = null;

  constructor(private readonly tell: () => readonly string[]) {}

  /** Each as text, in order, encoded once. */
  get texts(): readonly string[] {
    this.#texts ??= this.tell();
    return this.#texts;
  }

  /** All of them as WebSocket frames, one behind the other, encoded once. Not to be written to. */
  get frames(): Buffer {
    this.#frames ??= webSocketFrames(this.#texts ?? this.tell());
    return this.#frames;
  }
}
