export * from './contract/index.js';
export * from './key-server.js';
export * from './manual-clock.js';
export * from './runs-bench.js';
export * from './streams.js';
export * from './test-client.js';
export * from './test-server.js';
