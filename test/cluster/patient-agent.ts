import { Agent, AgentRunner, type AgentContext, type AgentResult } from '../../src/agents/index.js';

const answers: string[] = [];

/** What agents of this process were told, as it was given. */
export function heard(): readonly string[] {
  return answers;
}

/** Whether this is what the agent says at its n-th attempt. */
export function isAttempt(event: object, n: number): boolean {
  return (event as { data?: { value?: unknown } }).data?.value === n;
}

/** Can be taken up again: says which attempt it is, waits to be told to go on, and ends with what it was told. */
@Agent({ name: 'patient', resumable: true })
export class PatientAgent extends AgentRunner {
  override async run(context: AgentContext): Promise<AgentResult> {
    await context.emit('custom', { name: 'attempt', value: context.attempt });
    const answer = await context.requestInput({ requestId: 'go', prompt: 'Go on?' });
    answers.push(JSON.stringify(answer));
    return { content: JSON.stringify(answer) };
  }
}
