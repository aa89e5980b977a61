/** Times in µs, all of them, for percentiles. */
export class Latencies {
  #times = new Float64Array(1_024);
  #count = 0;

  add(us) {
    if (this.#count === this.#times.length) {
      const wider = new Float64Array(this.#count * 2);
      wider.set(this.#times);
      this.#times = wider;
    }
    this.#times[this.#count] = us;
    this.#count += 1;
  }

  /** In ms. Null where nothing was measured. */
  percentiles() {
    if (this.#count === 0) return null;
    const sorted = this.#times.slice(0, this.#count).sort();
    const at = (share) => sorted[Math.min(this.#count - 1, Math.floor(share * this.#count))] / 1_000;
    return { count: this.#count, p50: at(0.5), p99: at(0.99), max: at(1) };
  }
}
