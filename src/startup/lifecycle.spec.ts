import { describe, expect, it } from '@jest/globals';

import { Lifecycle } from './lifecycle.js';

describe('the life of the application', () => {
  it('goes from starting over ready and draining to stopped', () => {
    const lifecycle = new Lifecycle();
    expect(lifecycle.phase).toBe('starting');
    for (const phase of ['ready', 'draining', 'stopped'] as const) {
      lifecycle.moveTo(phase);
      expect(lifecycle.phase).toBe(phase);
    }
  });

  it('never goes back', () => {
    const lifecycle = new Lifecycle();
    lifecycle.moveTo('draining');
    expect(() => lifecycle.moveTo('ready')).toThrow('The application is draining and cannot become ready.');
    expect(() => lifecycle.moveTo('draining')).toThrow();
  });
});
