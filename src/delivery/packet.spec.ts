import { describe, expect, it } from '@jest/globals';

import { Packets } from './packet.js';
import { webSocketFrames } from './web-socket-frame.js';

describe('Packets for many connections', () => {
  const texts = ['2["one",{}]', '2["two",{}]'];
  let told: number;
  const make = (): Packets => {
    told = 0;
    return new Packets(() => {
      told += 1;
      return [...texts];
    });
  };

  it('are encoded once for all who take texts', () => {
    const packets = make();
    for (let reader = 0; reader < 50; reader += 1) expect(packets.texts).toEqual(texts);
    expect(told).toBe(1);
  });

  it('are encoded once for all who take frames', () => {
    const packets = make();
    for (let reader = 0; reader < 50; reader += 1) expect(packets.frames).toEqual(webSocketFrames(texts));
    expect(told).toBe(1);
  });

  it('are frames of the texts that are there', () => {
    const packets = make();
    expect(packets.texts).toEqual(texts);
    expect(packets.frames).toEqual(webSocketFrames(texts));
    expect(told).toBe(1);
  });
});
