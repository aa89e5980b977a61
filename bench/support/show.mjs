import { PEERS } from './peers.mjs';

/** One line of a peer's result, with its ratio to the bare server of the same run. */
export function show(work, peer, measured) {
  const { faults, ...figures } = measured[peer];
  const bare = measured.bare;
  const ratios = work.figures.map((name) =>
    bare === undefined ? '' : `${name} ${round(figures[name] / bare[name])} ×`,
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
