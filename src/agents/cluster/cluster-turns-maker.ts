import { Injectable } from '@nestjs/common';

import type { RunPlace } from '../../storage/index.js';
import { RunPlaces, WatchedThreads } from '../../threads/index.js';
import { TurnsMaker, type RunTurns } from '../run-turns.js';
import { ClusterTurns } from './cluster-turns.js';
import { RunWakes } from './run-wakes.js';

/** For a node of a cluster. */
@Injectable()
export class ClusterTurnsMaker extends TurnsMaker {
  constructor(
    private readonly places: RunPlaces,
    private readonly watched: WatchedThreads,
    private readonly wakes: RunWakes,
  ) {
    super();
  }

  override make(begin: (run: RunPlace) => void): RunTurns {
    return new ClusterTurns(begin, this.places, this.watched, this.wakes);
  }
}
