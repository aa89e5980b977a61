import { busContract, sharedBusContract, type BusHarness } from '../../src/testing/contract/bus.contract.js';
import { BusNodes } from './bus-nodes.js';
import { TEST_REDIS_URL } from './redis-url.js';

let nodes = new BusNodes();

const harness: BusHarness = {
  nodes: (count) => nodes.joined(TEST_REDIS_URL, count),
  destroy: async () => {
    await nodes.close();
    nodes = new BusNodes();
  },
};

busContract('Redis', harness);
sharedBusContract('Redis', harness);
