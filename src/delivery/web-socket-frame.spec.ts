import { describe, expect, it } from '@jest/globals';

import { webSocketFrames } from './web-socket-frame.js';

/** As a client reads it: the header's length and the text. */
function read(frame: Buffer): { readonly length: bigint; readonly text: string } {
  const short = BigInt(frame[1]!);
  const length = short === 126n ? BigInt(frame.readUInt16BE(2)) : short === 127n ? frame.readBigUInt64BE(2) : short;
  const header = short === 126n ? 4 : short === 127n ? 10 : 2;
  return { length, text: frame.subarray(header).toString() };
}

describe('A packet as a WebSocket frame', () => {
  it.each([0, 1, 123, 124, 125, 126, 65_533, 65_534, 65_535, 65_536, 200_000])(
    'of %i characters is final, text, not masked, and says its length',
    (characters) => {
      const packet = 'x'.repeat(characters);
      const frame = webSocketFrames([packet]);

      expect(frame[0]).toBe(0x81);
      expect(read(frame)).toEqual({ length: BigInt(characters + 1), text: `4${packet}` });
    },
  );

  it('counts bytes, not characters', () => {
    expect(read(webSocketFrames(['grüße 👋']))).toEqual({
      length: BigInt(Buffer.byteLength('4grüße 👋')),
      text: '4grüße 👋',
    });
  });
});
