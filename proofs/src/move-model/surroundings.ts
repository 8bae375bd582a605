import type { Step } from './explore.ts'
import { type Bounds, type CellId, type Guarded, other, type Sent, type State, sending, type Writer, withCell } from './protocol.ts'

/** What writers do: find out where the merchant lives, enter, write, and sometimes die with their database. */
export function writerSteps(state: State, { writes }: Bounds, guarded: Guarded): Step<State>[] {
  const steps: Step<State>[] = []
  state.writers.forEach((writer, index) => {
    const to = (change: Partial<Writer>, from = state): State => ({
      ...from,
      writers: from.writers.map((each, n) => (n === index ? { ...each, ...change } : each)),
    })
    const may = (name: string, next: State) => steps.push({ name: `writer ${index}: ${name}`, own: false, to: next })
    const { directory, cells } = state
    const home = cells[writer.cell]
    const isWelcome = home.state === 'active' && (home.epoch === writer.epoch || !guarded('writers check the epoch'))
    if (writer.at === 'idle') {
      if (writer.cell !== directory.home || writer.epoch !== directory.epoch)
        may('reads the directory', to({ cell: directory.home, epoch: directory.epoch }))
      if (state.ghost.written < writes) {
        if (guarded('writers lock before they check')) may('takes its lock', to({ at: 'locked' }))
        else if (isWelcome) may('checks the home', to({ at: 'checked' }))
      }
    }
    if (writer.at === 'checked') may('takes its lock', to({ at: 'entered' }))
    if (writer.at === 'locked') {
      if (isWelcome) may('checks the home', to({ at: 'entered' }))
      else may('is refused', to({ at: 'idle' }))
    }
    if (writer.at === 'entered' && state.ghost.written < writes) may('commits', to({ at: 'idle' }, commit(state, writer)))
    if (writer.at === 'entered') may('rolls back', to({ at: 'idle' }))
  })
  return steps
}

function commit(state: State, { cell, epoch }: Writer): State {
  const home = state.cells[cell]
  const number = state.ghost.written
  const isRight = home.state === 'active' && home.epoch === epoch
  const ghost = { written: number + 1, wrong: isRight ? state.ghost.wrong : 'I1: a write was committed where its epoch is not active' }
  return { ...withCell(state, cell, { rows: home.rows | (1 << number), unsent: sending(home, { write: number }) }), ghost }
}

/** Each cell applies what the other has committed, in its order, sooner or later. A stream that was dropped carries nothing. */
export function replicationSteps(state: State, guarded: Guarded): Step<State>[] {
  return ([0, 1] as const).flatMap((origin) => {
    const [first, ...rest] = state.cells[origin].unsent
    if (first === undefined) return []
    const target = other(origin)
    const to = apply(withCell(state, origin, { unsent: rest }), target, first, guarded)
    return [{ name: `cell ${target} applies ${JSON.stringify(first)}`, own: true, to }]
  })
}

function apply(state: State, target: CellId, item: Sent, guarded: Guarded): State {
  const cell = state.cells[target]
  const unsent = guarded('a stream carries what was written at its origin alone') ? cell.unsent : sending(cell, item)
  if ('marker' in item) return withCell(state, target, { marker: item.marker, unsent })
  if ('emptied' in item) return withCell(state, target, { rows: 0, unsent })
  const bit = 1 << item.write
  const applied = withCell(state, target, { rows: cell.rows | bit, unsent })
  return (cell.rows & bit) === 0 ? applied : { ...applied, ghost: { ...state.ghost, wrong: 'a write was applied twice' } }
}

/** A database that is killed ends its transactions; what was committed, and how far streams are, is kept. */
export function crashSteps(state: State): Step<State>[] {
  const cells = ([0, 1] as const)
    .filter((id) => state.writers.some((writer) => writer.cell === id && writer.at !== 'idle'))
    .map((id) => ({
      name: `cell ${id} is killed`,
      own: false,
      to: { ...state, writers: state.writers.map((writer) => (writer.cell === id ? { ...writer, at: 'idle' as const } : writer)) },
    }))
  const movers = state.movers.flatMap((mover, index) => {
    if (mover.at === 'idle') return []
    const left = state.movers.map((each, n) => (n === index ? { at: 'idle' as const, view: null } : each))
    return [{ name: `mover ${index} is killed`, own: false, to: { ...state, movers: left } }]
  })
  return [...cells, ...movers]
}

/** What admins ask for. */
export function requestSteps(state: State, { attempts }: Bounds): Step<State>[] {
  const { directory } = state
  const ask = (name: string, change: Partial<State['directory']>): Step<State> => ({
    name: `admin: ${name}`,
    own: false,
    to: { ...state, directory: { ...directory, ...change } },
  })
  if (directory.move === 'none' && directory.attempt < attempts) {
    const id = directory.attempt + 1
    return [ask('move it', { move: 'seeding', from: directory.home, back: false, id, attempt: id })]
  }
  if (directory.move !== 'watching') return []
  return [ask('move it back', { move: 'ready', back: true }), ask('finish', { move: 'cleaning' })]
}
