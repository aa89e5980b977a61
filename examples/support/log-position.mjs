/**
 * How far a client has read one thread's log. The three together are its cursor: kept across connections, they make
 * the server go on exactly where the client stopped.
 */
export class LogPosition {
  constructor(threadId, seq, epoch = null) {
    this.threadId = threadId;
    /** The last seq that was seen. */
    this.seq = seq;
    /** The mark of the log; a thread deleted and made again under its id has another one. */
    this.epoch = epoch;
  }

  /** What a handshake, `switch_thread` or `subscribe_thread` says to go on from here. */
  toFollow() {
    return { threadId: this.threadId, after: this.seq, ...(this.epoch === null ? {} : { epoch: this.epoch }) };
  }

  /** Moves on over an envelope. Throws where it does not join what was seen: a promise of the server is broken then. */
  take({ from, seq }) {
    const first = from ?? seq;
    if (first !== this.seq + 1) {
      const what = first <= this.seq ? 'came again' : 'came too early';
      throw new Error(`seq ${first} ${what}: the last one seen in ${this.threadId} was ${this.seq}`);
    }
    this.seq = seq;
  }
}
