import type { Clock } from '../../clock/index.js';
import type { Metrics } from '../../metrics/index.js';
import { withDeadline } from '../../startup/index.js';
import { UserBudgets, type Budget, type Spending } from '../user-budgets.js';
import type { RedisBus } from './redis-bus.js';
import { RedisScript } from './redis-script.js';

const ANSWER_MS = 200;

/**
 * KEYS: users' buckets. ARGV: tokens per ms, what a bucket holds, and what was spent of each. By the clock of Redis, so that
 * those of the nodes do not matter. A bucket that would be full is forgotten.
 */
const SPEND = new RedisScript(`
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
  local left = {}
  for at = 1, #KEYS do
    local bucket = redis.call('HMGET', KEYS[at], 'level', 'at')
    local level = tonumber(bucket[1] or burst) + math.max(0, now - tonumber(bucket[2] or now)) * rate
    level = math.max(-burst, math.min(burst, level) - tonumber(ARGV[at + 2]))
    redis.call('HSET', KEYS[at], 'level', tostring(level), 'at', string.format('%.0f', now))
    redis.call('PEXPIRE', KEYS[at], math.ceil((burst - level) / rate) + 1000)
    left[at] = tostring(level)
  end
  return left
`);

/** A bucket in Redis for each user who spends. */
export class RedisBudgets extends UserBudgets {
  override readonly isShared = true;

  constructor(
    private readonly bus: RedisBus,
    private readonly clock: Clock,
    private readonly metrics: Metrics,
  ) {
    super();
  }

  override async spend(spent: readonly Spending[], { perSecond, burst }: Budget): Promise<readonly number[] | null> {
    const { commands } = this.bus;
    if (commands === null) return this.#count('unreachable', null);
    const keys = spent.map(({ userId }) => this.bus.key(`budget:${userId}`));
    const values = [perSecond / 1_000, burst, ...spent.map(({ tokens }) => tokens)];
    try {
      const left = await withDeadline(this.clock, ANSWER_MS, () => SPEND.run(commands, keys, values));
      return this.#count('shared', (left as string[]).map(Number));
    } catch {
      return this.#count('unreachable', null);
    }
  }

  #count<Left>(outcome: 'shared' | 'unreachable', left: Left): Left {
    this.metrics.add('threadcast_cluster_budgets_total', { outcome });
    return left;
  }
}
