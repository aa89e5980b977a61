export { AsyncApi } from './async-api.js';
export { OpenApi } from './open-api.js';
export { ReferenceModule } from './reference.module.js';
