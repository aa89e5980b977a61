/**
 * What each work is to show, as docs/performance.md tells it. Figures are compared with those of `base` in the same run,
 * or with another figure of the same peer (`of`), or are bounds by themselves (`absolute`).
 */
const GOALS = [
  {
    work: 'burst-words',
    figure: 'perCpuSecond',
    says: 'words delivered per CPU second',
    least: { single: 10, batch: 20 },
  },
  {
    work: 'burst-events',
    figure: 'perCpuSecond',
    says: 'events delivered per CPU second',
    least: { single: 1, batch: 10 },
  },
  { work: 'paced', figure: 'p50Ms', says: 'latency, median, ms', most: { single: 1.25, batch: 1.25 } },
  { work: 'paced', figure: 'p99Ms', says: 'latency, 99th percentile, ms', most: { single: 1.25, batch: 1.25 } },
  { work: 'paced', figure: 'cpuSeconds', says: 'CPU seconds', most: { single: 2, batch: 2 } },
  { work: 'connect', figure: 'connectionsPerSecond', says: 'connections per second', least: { single: 0.7 } },
  { work: 'connect', figure: 'kBPerConnection', says: 'KiB per idle connection', most: { single: 1.3 } },
  {
    work: 'stopped-reader',
    figure: 'grewMB',
    says: 'growth of memory, MiB',
    absolute: true,
    most: { single: 32, batch: 32 },
  },
  {
    work: 'stopped-reader',
    figure: 'healthyP99Ms',
    says: '99th percentile of the reader that reads, ms, against before the other stopped',
    of: 'healthyP99BeforeMs',
    most: { single: 1.25, batch: 1.25 },
  },
  {
    work: 'catch-up-events',
    figure: 'itemsPerCpuSecond',
    says: 'events read per CPU second',
    least: { single: 5, batch: 5 },
  },
  {
    work: 'catch-up-words',
    figure: 'itemsPerCpuSecond',
    says: 'words read per CPU second',
    least: { single: 5, batch: 5 },
  },
  { work: 'big-log', figure: 'usPerAppend', says: 'CPU µs per event appended', base: 'small', most: { big: 1.2 } },
  { work: 'big-log', figure: 'usPerCaughtUp', says: 'CPU µs per event read', base: 'small', most: { big: 1.2 } },
  {
    work: 'big-log',
    figure: 'startSeconds',
    says: 'seconds from spawn to ready',
    base: 'small',
    absolute: true,
    most: { big: 2 },
  },
  {
    work: 'big-log',
    figure: 'startAfterKillSeconds',
    says: 'the same after a `kill -9`',
    base: 'small',
    absolute: true,
    most: { big: 2 },
  },
];

/** The columns of the table: peers, or what stands in their place in a work without them. */
const COLUMNS = [['bare', 'small'], ['recovery'], ['ws'], ['gathered'], ['single'], ['batch', 'big']];
const HEADINGS = [
  'bare Socket.IO',
  'with state recovery',
  'raw `ws`',
  'raw `ws`, 10 ms',
  'Threadcast, single frames',
  'Threadcast, batch frames',
];

function goalRows() {
  return GOALS.map((goal) => [`\`${goal.work}\``, goal.says, wordsOf(goal)]);
}

/** The table of docs/performance.md from the results of one run, in Markdown. */
export function table(results) {
  const head = ['work', 'figure', 'goal', ...HEADINGS, 'met'];
  const rows = GOALS.map((goal, index) => {
    const measured = results.find(({ work }) => work === goal.work)?.measured ?? {};
    const cells = COLUMNS.map((peers) => cellOf(goal, measured, peers));
    return [...goalRows()[index], ...cells, verdictOf(goal, measured)];
  });
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function wordsOf({ least, most, absolute }) {
  const unit = absolute ? '' : ' ×';
  const bounds = Object.entries(least ?? most);
  const sign = least === undefined ? '≤' : '≥';
  const same = new Set(bounds.map(([, bound]) => bound)).size === 1;
  return same
    ? `${sign} ${bounds[0][1]}${unit}`
    : bounds.map(([peer, bound]) => `${peer} ${sign} ${bound}${unit}`).join(', ');
}

function cellOf(goal, measured, peers) {
  const peer = peers.find((name) => measured[name] !== undefined);
  if (peer === undefined) return '';
  const value = measured[peer][goal.figure];
  if (typeof value !== 'number') return '';
  const base = baseOf(goal, measured, peer);
  const isBase = goal.of === undefined && peer === (goal.base ?? 'bare');
  const ratio = base === null || isBase ? '' : ` (${round(value / base)} ×)`;
  return `${round(value)}${ratio}`;
}

function baseOf({ of, base = 'bare', figure }, measured, peer) {
  const value = of === undefined ? measured[base]?.[figure] : measured[peer][of];
  return typeof value === 'number' && value > 0 ? value : null;
}

/** Empty: a peer is missing that it would be judged by. */
function verdictOf(goal, measured) {
  const { least, most, absolute = false, figure } = goal;
  const judged = Object.entries(least ?? most).map(([peer, bound]) => {
    const value = measured[peer]?.[figure];
    const base = absolute ? 1 : measured[peer] && baseOf(goal, measured, peer);
    if (typeof value !== 'number' || !base) return null;
    return least === undefined ? value / base <= bound : value / base >= bound;
  });
  if (judged.includes(null)) return '';
  return judged.every(Boolean) ? 'yes' : 'no';
}

function round(value) {
  return Number(value.toPrecision(3)).toLocaleString('en-US');
}
