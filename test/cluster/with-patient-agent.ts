/** Loaded before `src/main.ts`: the server has the agent `patient` beside its own. */
import 'reflect-metadata';

import { AgentsModule } from '../../src/agents/index.js';
import { PatientAgent } from './patient-agent.js';

const own = Reflect.getMetadata('providers', AgentsModule) as unknown[];
Reflect.defineMetadata('providers', [...own, PatientAgent], AgentsModule);
