import { PEERS } from './peers.mjs';

/** One line of a peer's result, with its ratio to what it is compared with in the same run: the bare server, where nothing else is said. */
export function show(work, peer, measured) {
  const { faults, ...figures } = measured[peer];
  const base = measured[work.against ?? 'bare'];
  const ratios = work.figures.map((name) =>
    base === undefined ? '' : `${name} ${round(figures[name] / base[name])} ×`,
  );
  const told = Object.entries(figures).map(
    ([name, value]) => `${name} ${typeof value === 'number' ? round(value) : JSON.stringify(value)}`,
  );
  console.log(`  ${PEERS[peer].label.padEnd(32)} ${ratios.join(', ')}  |   ${told.join(', ')}`);
  for (const fault of faults.slice(0, 5)) console.log(`    FAULT: ${fault}`);
}

function round(value) {
  return Number(value.toPrecision(4)).toLocaleString('en-US');
}
