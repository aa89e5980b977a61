export { configureHttp } from './configure-http.js';
export * from './describe.decorator.js';
export { HttpModule } from './http.module.js';
export { HttpOptions } from './http-options.js';
