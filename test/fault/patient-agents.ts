/** Loaded before `src/main.ts` by tests of faults: the process is the real one, with two more agents. */
import { Module } from '@nestjs/common';

import { Agent, AgentRunner, type AgentContext, type AgentResult } from '../../src/agents/index.js';
import { AppModule } from '../../src/app.module.js';
import { Clock } from '../../src/clock/index.js';

const TICK_MS = 2;

/** Asks twice, the second time by a name, and goes on after a crash. */
@Agent({ name: 'patient', resumable: true })
class PatientAgent extends AgentRunner {
  override async run(context: AgentContext): Promise<AgentResult> {
    const who = await context.requestInput({ prompt: 'Who are you?' });
    const sure = await context.requestInput({ requestId: 'sure', prompt: `Sure, in attempt ${context.attempt}?` });
    return { content: JSON.stringify({ who, sure, attempt: context.attempt }) };
  }
}

/** Talks, whatever it is told. */
@Agent({ name: 'deaf' })
class DeafAgent extends AgentRunner {
  constructor(private readonly clock: Clock) {
    super();
  }

  override async run(context: AgentContext): Promise<AgentResult> {
    for (;;) {
      await context.write('and ').catch(() => undefined);
      await new Promise<void>((resolve) => this.clock.after(TICK_MS, resolve));
    }
  }
}

@Module({ providers: [PatientAgent, DeafAgent] })
class PatientModule {}

const { forRoot } = AppModule;
AppModule.forRoot = (config, imports, ...rest) =>
  forRoot.call(AppModule, config, [...(imports ?? []), PatientModule], ...rest);
