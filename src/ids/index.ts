export * from './brands.js';
export * from './grammar.js';
export * from './id-generator.js';
export * from './id.module.js';
