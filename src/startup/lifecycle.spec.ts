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

  it('tells of a phase in the move to it, once, and at once where it is there', () => {
    const lifecycle = new Lifecycle();
    const heard: string[] = [];
    lifecycle.on('ready', () => heard.push(`first: ${lifecycle.phase}`));
    lifecycle.on('starting', () => heard.push('at once'));
    lifecycle.on('stopped', () => heard.push('too early'));
    expect(heard).toEqual(['at once']);
    lifecycle.moveTo('ready');
    lifecycle.on('ready', () => heard.push('second'));
    lifecycle.moveTo('draining');
    lifecycle.on('ready', () => heard.push('too late'));
    expect(heard).toEqual(['at once', 'first: ready', 'second']);
  });

  it('never goes back', () => {
    const lifecycle = new Lifecycle();
    lifecycle.moveTo('draining');
    expect(() => lifecycle.moveTo('ready')).toThrow('The application is draining and cannot become ready.');
    expect(() => lifecycle.moveTo('draining')).toThrow();
  });
});
