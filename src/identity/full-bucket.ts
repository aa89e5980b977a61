import { TokenBucket } from 'limiter';

export type { TokenBucket } from 'limiter';

/** A bucket that begins full, unlike those of the library. */
export function fullBucket(bucketSize: number, tokensPerSecond: number): TokenBucket {
  const bucket = new TokenBucket({ bucketSize, tokensPerInterval: tokensPerSecond, interval: 'second' });
  bucket.content = bucketSize;
  return bucket;
}
