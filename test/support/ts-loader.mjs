// Lets node run our TypeScript without a build: node --import ./test/support/ts-loader.mjs child.ts
import 'reflect-metadata';

import { register } from 'node:module';

register('./ts-hooks.mjs', import.meta.url);
