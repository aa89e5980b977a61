export * from './bus.js';
export * from './cluster.module.js';
export * from './cluster-sockets.js';
export * from './shared-words.js';
export * from './this-node.js';
export * from './user-budgets.js';
export * from './user-places.js';
