export * from './commit-publisher.js';
export * from './log-reads.js';
export * from './remote-commits.js';
