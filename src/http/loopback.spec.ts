import { describe, expect, it } from '@jest/globals';

import { foreignOriginFault } from './loopback.js';

describe('A request from this machine', () => {
  it.each([
    ['127.0.0.1', { host: '127.0.0.1:3000' }],
    ['::1', { host: '[::1]:3000', origin: 'http://[::1]:3000' }],
    ['::ffff:127.0.0.1', { host: 'LOCALHOST:3000', origin: 'http://localhost:3000' }],
    ['127.0.0.9', { host: 'app.localhost' }],
  ])('is taken from %s with %j', (address, headers) => {
    expect(foreignOriginFault(address, headers)).toBeNull();
  });

  it.each([
    [undefined, { host: 'localhost' }],
    ['10.0.0.1', { host: 'localhost' }],
    ['::ffff:10.0.0.1', { host: 'localhost' }],
    ['127.0.0.1', {}],
    ['127.0.0.1', { host: 'evil.example.com' }],
    ['127.0.0.1', { host: 'localhost.example.com' }],
    ['127.0.0.1', { host: '127.0.0.1.example.com' }],
    ['127.0.0.1', { host: 'localhost', origin: 'http://localhost:3000' }],
    ['127.0.0.1', { host: 'localhost', origin: 'null' }],
    ['127.0.0.1', { host: 'localhost', forwarded: 'for=203.0.113.7' }],
  ])('is not believed from %s with %j', (address, headers) => {
    expect(foreignOriginFault(address, headers)).not.toBeNull();
  });
});
