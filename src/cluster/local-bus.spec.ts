import { SystemClock } from '../clock/index.js';
import { RandomIdGenerator } from '../ids/index.js';
import { busContract } from '../testing/contract/bus.contract.js';
import { LocalBus } from './local-bus.js';
import { ThisNode } from './this-node.js';

const clock = new SystemClock();

busContract('a node that is alone', {
  nodes: () => Promise.resolve([new LocalBus(new ThisNode(new RandomIdGenerator(), clock), clock)]),
  destroy: () => Promise.resolve(),
});
