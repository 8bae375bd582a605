import type { Model } from './explore.ts'
import { moverSteps } from './movers.ts'
import {
  type Bounds,
  type Cell,
  type Directory,
  type Ghost,
  type Guard,
  initialState,
  type Mover,
  other,
  type State,
  type Writer,
} from './protocol.ts'
import { crashSteps, replicationSteps, requestSteps, writerSteps } from './surroundings.ts'

/** The protocol of a move, with what must hold of it. `without` takes one of its guards away. */
export function moveModel(bounds: Bounds, without?: Guard): Model<State> {
  const guarded = (guard: Guard) => guard !== without
  return {
    initial: initialState(bounds),
    partsOf: ({ directory, cells, writers, movers, ghost }) => [directory, ...cells, ghost, ...alike(writers), ...alike(movers)],
    stateOf: ([directory, first, second, ghost, ...rest]) => ({
      directory: directory as Directory,
      cells: [first as Cell, second as Cell],
      ghost: ghost as Ghost,
      writers: rest.slice(0, bounds.writers) as Writer[],
      movers: rest.slice(bounds.writers) as Mover[],
    }),
    steps: (state) => [
      ...moverSteps(state, bounds, guarded),
      ...replicationSteps(state, guarded),
      ...writerSteps(state, bounds, guarded),
      ...requestSteps(state, bounds),
      ...crashSteps(state),
    ],
    brokenIn,
    brokenBy,
    brokenAtRest,
  }
}

/** In an order that does not depend on who is who. */
function alike<Part extends object>(parts: readonly Part[]): Part[] {
  return [...parts].sort((one, another) => (sortKey(one) < sortKey(another) ? -1 : 1))
}

const sortKeys = new WeakMap<object, string>()

function sortKey(part: object): string {
  const known = sortKeys.get(part)
  if (known !== undefined) return known
  const key = JSON.stringify(part)
  sortKeys.set(part, key)
  return key
}

function brokenIn({ directory, cells, ghost }: State): string | undefined {
  if (ghost.wrong !== null) return ghost.wrong
  if (cells[0].state === 'active' && cells[1].state === 'active') return 'I2: two databases are active'
  if (cells[directory.home].rows !== 2 ** ghost.written - 1) return 'I3: a committed write is not at the home'
  for (const id of [0, 1] as const) {
    const { stream } = cells[id]
    if (stream !== 0 && directory.notes[id] !== stream) return 'I5: there is an object that no row tells of'
  }
  return undefined
}

function brokenBy(before: State, after: State): string | undefined {
  if (after.directory.epoch < before.directory.epoch) return 'I4: the epoch of the directory went back'
  for (const id of [0, 1] as const) {
    const [was, is] = [before.cells[id], after.cells[id]]
    if (was.state === 'none' || is.state === 'none') continue
    if (is.epoch < was.epoch) return 'I4: the epoch of a database went back'
    const isOpened = is.state === 'active' && was.state !== 'active' && was.state !== 'fenced'
    if (isOpened && is.epoch === was.epoch) return 'I4: a database that was left opens at the epoch it had'
  }
  return undefined
}

function brokenAtRest({ directory, cells }: State): string | undefined {
  const { home, epoch, move } = directory
  if (cells[home].state !== 'active' || cells[home].epoch !== epoch) return 'the merchant cannot be written to'
  if (move !== 'none' && move !== 'watching') return `the move rests while ${move}`
  if (move === 'watching') return cells[home].stream === 0 ? 'there is no way back' : undefined
  if (cells.some(({ stream }) => stream !== 0) || directory.notes.some((note) => note !== 0)) return 'a stream is left'
  const left = cells[other(home)]
  return left.rows === 0 ? undefined : 'rows are left'
}
