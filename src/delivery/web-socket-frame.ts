/** Of an Engine.IO packet: `4` is a message. */
const MESSAGE = 0x34;
const FINAL_TEXT = 0x81;

/**
 * Socket.IO packets as WebSocket frames (RFC 6455, 5.2: final, text, not masked), one behind the other, for every
 * connection that they go to: encoding a text once a connection costs more than sending it, and a write costs more than
 * the frames in it.
 */
export function webSocketFrames(packets: readonly string[]): Buffer {
  const lengths = packets.map((packet) => Buffer.byteLength(packet) + 1);
  const frames = Buffer.allocUnsafe(lengths.reduce((sum, length) => sum + headerOf(length) + length, 0));
  let at = 0;
  packets.forEach((packet, index) => {
    const length = lengths[index] ?? 0;
    const header = headerOf(length);
    frames[at] = FINAL_TEXT;
    if (header === 2) {
      frames[at + 1] = length;
    } else if (header === 4) {
      frames[at + 1] = 126;
      frames.writeUInt16BE(length, at + 2);
    } else {
      frames[at + 1] = 127;
      frames.writeBigUInt64BE(BigInt(length), at + 2);
    }
    frames[at + header] = MESSAGE;
    frames.write(packet, at + header + 1);
    at += header + length;
  });
  return frames;
}

function headerOf(length: number): number {
  if (length < 126) return 2;
  return length < 65_536 ? 4 : 10;
}
