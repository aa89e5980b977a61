import { ConfigurableModuleBuilder, Global, Module } from '@nestjs/common';

import { GIVEN_TRACES_OPTIONS, Tracing, TracesOptions } from './tracing.js';

const { ConfigurableModuleClass } = new ConfigurableModuleBuilder<Partial<TracesOptions>>({
  moduleName: 'Traces',
  optionsInjectionToken: GIVEN_TRACES_OPTIONS,
})
  .setClassMethodName('forRoot')
  .build();

/** Spans for OpenTelemetry. Off unless told otherwise. */
@Global()
@Module({ providers: [Tracing], exports: [Tracing] })
export class TracesModule extends ConfigurableModuleClass {}
