import { type Exploration, explore } from './explore.ts'
import { moveModel } from './move-model.ts'
import type { Bounds, Guard } from './protocol.ts'

/** A writer, two movers, one write, a move with two more attempts: enough to miss every guard. */
export const SMALL: Bounds = { writers: 1, movers: 2, writes: 1, attempts: 3 }
/** Some three million states. */
export const LARGE: Bounds = { writers: 2, movers: 2, writes: 2, attempts: 4 }

/** What breaks first, on the shortest way, where a guard is missing. */
export const MISSED: Record<Guard, string> = {
  'writers lock before they check': 'I1: a write was committed where its epoch is not active',
  'writers check the epoch': 'I1: a write was committed where its epoch is not active',
  'the fence waits for writers': 'I1: a write was committed where its epoch is not active',
  'the switch waits for the marker': 'I3: a committed write is not at the home',
  'the switch names its attempt': 'I2: two databases are active',
  'home and move change together': 'the merchant cannot be written to',
  'each switch has a later epoch': 'I4: a database that was left opens at the epoch it had',
  'the target opens after the switch': 'I2: two databases are active',
  'an abort is announced before the fence is lifted': 'I2: two databases are active',
  'nothing is aborted after the switch': 'I2: two databases are active',
  'a fence is lifted by its own attempt alone': 'I2: two databases are active',
  'a cancelled attempt cannot fence': 'the merchant cannot be written to',
  'the target opens at a later epoch alone': 'I2: two databases are active',
  'the target opens where it was made ready alone': 'I2: two databases are active',
  'the source closes at its own epoch alone': 'I1: a write was committed where its epoch is not active',
  'the reverse stream is there before the switch': 'there is no way back',
  'a stream carries what was written at its origin alone': 'a write was applied twice',
  'seeding is verified': 'I3: a committed write is not at the home',
  'an object is noted before it is made': 'I5: there is an object that no row tells of',
  'no object is made while it is cleaned up': 'I5: there is an object that no row tells of',
  'objects are named after their move': 'there is no way back',
  'streams are dropped before rows are deleted': 'I3: a committed write is not at the home',
  'rows are deleted by the move that left them alone': 'I3: a committed write is not at the home',
  'a home is forgotten by the move that left it alone': 'rows are left',
  'a home is not made a target': 'the merchant cannot be written to',
}

export const exploreWithout = (guard: Guard): Exploration => explore(moveModel(SMALL, guard))
