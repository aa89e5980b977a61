/** Of an Engine.IO packet: `4` is a message. */
const MESSAGE = 0x34;
const FINAL_TEXT = 0x81;

/**
 * A Socket.IO packet as one WebSocket frame (RFC 6455, 5.2: final, text, not masked), for every connection that it goes
 * to: encoding a text once a connection costs more than sending it.
 */
export function webSocketFrame(packet: string): Buffer {
  const length = Buffer.byteLength(packet) + 1;
  const header = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(header + length);
  frame[0] = FINAL_TEXT;
  if (header === 2) {
    frame[1] = length;
  } else if (header === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  frame[header] = MESSAGE;
  frame.write(packet, header + 1);
  return frame;
}
