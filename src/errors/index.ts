export * from './catalogue.js';
export * from './json-fields.js';
export * from './threadcast-error.js';
export * from './validate.js';
export * from './wire-error.js';
