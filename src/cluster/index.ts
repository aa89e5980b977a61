export * from './bus.js';
export * from './cluster.module.js';
export * from './this-node.js';
