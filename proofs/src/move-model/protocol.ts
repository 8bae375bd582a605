/** One of the two databases. */
export type CellId = 0 | 1

/**
 * How far a move is. `ready` is caught up and verified, in whichever direction; `watching` is done forwards, with the reverse stream
 * open; `cleaning` ends every move: cancelled, gone back or retired.
 */
export type MoveState = 'none' | 'seeding' | 'ready' | 'fencing' | 'aborting' | 'switched' | 'watching' | 'cleaning'

/** The directory: one row for the home, one for the move, and the rows that say what may have to be cleaned up. */
export interface Directory {
  home: CellId
  epoch: number
  move: MoveState
  from: CellId
  back: boolean
  /** The number of the move. Numbers of moves and attempts come from one counter of the merchant. */
  id: number
  /** The number of the last attempt to fence; the counter itself. */
  attempt: number
  /** By the cell a stream starts from: the move that may have one there, or 0. */
  notes: readonly [number, number]
}

/** A cell as far as one merchant goes. All of it survives a crash. */
export interface Cell {
  state: 'none' | 'standby' | 'active' | 'fenced' | 'moved'
  epoch: number
  /** The last move or attempt that had a say here: later than that, only higher numbers have. */
  token: number
  /** The merchant's writes that are here, as a set of bits. */
  rows: number
  /** The marker that arrived last. */
  marker: number
  /** The move whose stream to the other cell exists, or 0. */
  stream: number
  /** What the other cell has not applied yet, in the order of commits. */
  unsent: readonly Sent[]
}

export type Sent = { write: number } | { marker: number } | { emptied: true }

/** A process with a cache of the directory, and at most one transaction. */
export interface Writer {
  at: 'idle' | 'checked' | 'locked' | 'entered'
  cell: CellId
  epoch: number
}

/** What a mover knows of the move: as the directory said when it was read, however long ago. */
export interface View {
  home: CellId
  from: CellId
  back: boolean
  id: number
  attempt: number
  /** Of the source. */
  epoch: number
}

/** A process that moves merchants. It may sleep between any two steps for as long as it likes, or die. */
export interface Mover {
  at: 'idle' | MoverStep
  view: View | null
}

export type MoverStep =
  | 'prepare target'
  | 'note stream'
  | 'create stream'
  | 'note reverse stream'
  | 'create reverse stream'
  | 'verify'
  | 'fence'
  | 'await marker'
  | 'switch'
  | 'switch move'
  | 'activate target'
  | 'close source'
  | 'settle'
  | 'unfence'
  | 'end abort'
  | 'drop stream'
  | 'forget stream'
  | 'drop reverse stream'
  | 'forget reverse stream'
  | 'delete rows'
  | 'forget home'
  | 'end cleaning'

/** What is true and nobody in the system can see. */
export interface Ghost {
  /** How many writes were committed; all of them together are the merchant's data. */
  written: number
  /** What went wrong in a step, where no state shows it. */
  wrong: string | null
}

export interface State {
  directory: Directory
  cells: readonly [Cell, Cell]
  writers: readonly Writer[]
  movers: readonly Mover[]
  ghost: Ghost
}

/** How much may happen. Everything in it is finite, so that everything can be looked at. */
export interface Bounds {
  writers: number
  movers: number
  /** Writes altogether. */
  writes: number
  /** Moves and attempts to fence altogether. */
  attempts: number
}

/** What keeps the protocol safe, each by its name: taken away one at a time, each must be missed. */
export const GUARDS = [
  'writers lock before they check',
  'writers check the epoch',
  'the fence waits for writers',
  'the switch waits for the marker',
  'the switch names its attempt',
  'home and move change together',
  'each switch has a later epoch',
  'the target opens after the switch',
  'an abort is announced before the fence is lifted',
  'nothing is aborted after the switch',
  'a fence is lifted by its own attempt alone',
  'a cancelled attempt cannot fence',
  'the target opens at a later epoch alone',
  'the target opens where it was made ready alone',
  'the source closes at its own epoch alone',
  'the reverse stream is there before the switch',
  'a stream carries what was written at its origin alone',
  'seeding is verified',
  'an object is noted before it is made',
  'no object is made while it is cleaned up',
  'objects are named after their move',
  'streams are dropped before rows are deleted',
  'rows are deleted by the move that left them alone',
  'a home is forgotten by the move that left it alone',
  'a home is not made a target',
] as const
export type Guard = (typeof GUARDS)[number]

/** Whether a guard is in its place. */
export type Guarded = (guard: Guard) => boolean

export function initialState({ writers, movers }: Bounds): State {
  const cell: Cell = { state: 'none', epoch: 0, token: 0, rows: 0, marker: 0, stream: 0, unsent: [] }
  return {
    directory: { home: 0, epoch: 1, move: 'none', from: 0, back: false, id: 0, attempt: 0, notes: [0, 0] },
    cells: [{ ...cell, state: 'active', epoch: 1 }, cell],
    writers: Array.from({ length: writers }, (): Writer => ({ at: 'idle', cell: 0, epoch: 1 })),
    movers: Array.from({ length: movers }, (): Mover => ({ at: 'idle', view: null })),
    ghost: { written: 0, wrong: null },
  }
}

export const other = (cell: CellId): CellId => (cell === 0 ? 1 : 0)

export const sourceOf = ({ from, back }: { from: CellId; back: boolean }): CellId => (back ? other(from) : from)

export function withCell(state: State, id: CellId, change: Partial<Cell>): State {
  const changed = { ...state.cells[id], ...change }
  return { ...state, cells: id === 0 ? [changed, state.cells[1]] : [state.cells[0], changed] }
}

/** A commit in a cell, as its stream sees it: what is not carried anywhere is not kept. */
export function sending({ stream, unsent }: Cell, item: Sent): readonly Sent[] {
  return stream === 0 ? unsent : [...unsent, item]
}
