export * from './form-schema.js';
export * from './gather-schemas.js';
export * from './json-schema.js';
export { Meaning } from './meaning.js';
export * from './wire-schema.js';
