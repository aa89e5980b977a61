/** Words on which the nodes of a cluster agree, because each of them uses the one that was proposed first. */
export abstract class SharedWords {
  /**
   * The word of this name: the one that another node has proposed before, or this one. Never rejects: where nobody can be
   * asked, it is this one, and the log says so.
   */
  abstract agree(name: string, proposed: string): Promise<string>;
}

/** This node is alone: it agrees with itself. */
export class OwnWords extends SharedWords {
  override agree(_name: string, proposed: string): Promise<string> {
    return Promise.resolve(proposed);
  }
}
