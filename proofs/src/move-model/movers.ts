import type { Step } from './explore.ts'
import {
  type Bounds,
  type CellId,
  type Directory,
  type Guarded,
  type MoverStep,
  other,
  type State,
  sending,
  sourceOf,
  type View,
  withCell,
} from './protocol.ts'

/**
 * What movers do. There is no lease in this model: any mover may take up any move at any time, and go on with what it knew whenever it
 * wakes up. A lease makes that rare; the protocol must be safe without it. The watchdog is a mover that finds a move fencing.
 */
export function moverSteps(state: State, bounds: Bounds, guarded: Guarded): Step<State>[] {
  return state.movers.flatMap((mover, index) => {
    const outcomes =
      mover.view === null || mover.at === 'idle'
        ? takenUp(state, bounds, guarded)
        : stepOf(mover.at, { state, view: mover.view, source: sourceOf(mover.view), target: other(sourceOf(mover.view)), guarded })
    return outcomes.map(({ name, to, next, view = mover.view }) => ({
      name: `mover ${index}: ${name}`,
      own: true,
      to: {
        ...to,
        movers: to.movers.map((each, n) => (n === index ? (next === 'idle' ? { at: next, view: null } : { at: next, view }) : each)),
      },
    }))
  })
}

interface Outcome {
  name: string
  to: State
  next: MoverStep | 'idle'
  view?: View
}

interface Context {
  state: State
  view: View
  source: CellId
  target: CellId
  guarded: Guarded
}

const inDirectory = (state: State, change: Partial<Directory>): State => ({ ...state, directory: { ...state.directory, ...change } })

/** What an idle mover may begin, by what the directory says now. */
function takenUp(state: State, { attempts }: Bounds, guarded: Guarded): Outcome[] {
  const { directory } = state
  const { from, back, id, attempt, move } = directory
  const view: View = {
    home: directory.home,
    from,
    back,
    id,
    attempt,
    epoch: move === 'switched' ? directory.epoch - growth(guarded) : directory.epoch,
  }
  const goOn = (next: MoverStep): Outcome[] => [{ name: `takes up the move: ${next}`, to: state, next, view }]
  switch (move) {
    case 'seeding':
      // What another has begun is not gone on with but taken back.
      return directory.notes.every((note) => note === 0)
        ? goOn('prepare target')
        : [{ name: 'gives up seeding', to: inDirectory(state, { move: 'cleaning' }), next: 'idle' }]
    case 'ready': {
      const givenUp: Outcome = {
        name: 'gives up',
        to: inDirectory(state, back ? { move: 'watching', back: false } : { move: 'cleaning' }),
        next: 'idle',
      }
      if (attempt >= attempts) return [givenUp]
      const fencing = inDirectory(state, { move: 'fencing', attempt: attempt + 1 })
      return [givenUp, { name: 'announces a fence', to: fencing, next: 'fence', view: { ...view, attempt: attempt + 1 } }]
    }
    case 'fencing': {
      const aborting = guarded('an abort is announced before the fence is lifted') ? inDirectory(state, { move: 'aborting' }) : state
      return [{ name: 'aborts', to: aborting, next: 'unfence', view }]
    }
    case 'aborting':
      return goOn('unfence')
    case 'switched': {
      if (guarded('nothing is aborted after the switch')) return goOn('activate target')
      return [...goOn('activate target'), { name: 'aborts', to: inDirectory(state, { move: 'aborting' }), next: 'unfence', view }]
    }
    case 'cleaning':
      return goOn(guarded('streams are dropped before rows are deleted') ? 'drop stream' : 'delete rows')
    default:
      return []
  }
}

function stepOf(step: MoverStep, context: Context): Outcome[] {
  return [...(STEPS[step]?.(context) ?? [])].map((outcome) => ({
    ...outcome,
    name: outcome.name === '' ? step : `${step}: ${outcome.name}`,
  }))
}

const done = (to: State, next: MoverStep | 'idle', name = ''): Outcome[] => [{ name, to, next }]
const refused = (state: State): Outcome[] => done(state, 'idle', 'refused')

/** By how much a switch raises the epoch. */
const growth = (guarded: Guarded): number => (guarded('each switch has a later epoch') ? 1 : 0)

/** One transaction of the directory that does nothing unless the move is as expected. */
function compareAndSet(
  { state, view }: Context,
  expected: Directory['move'],
  change: Partial<Directory>,
  next: MoverStep | 'idle',
): Outcome[] {
  const { move, id, attempt } = state.directory
  if (move !== expected || id !== view.id || attempt !== view.attempt) return refused(state)
  return done(inDirectory(state, change), next)
}

const STEPS: Record<MoverStep, (context: Context) => Outcome[]> = {
  // Seeding.
  'prepare target': ({ state, view, target, guarded }) => {
    const cell = state.cells[target]
    const isHome = cell.state === 'active' || cell.state === 'fenced'
    if (guarded('a home is not made a target') && (isHome || cell.token > view.id)) return refused(state)
    return done(withCell(state, target, { state: 'standby', token: view.id }), 'note stream')
  },
  'note stream': (context) => note(context, context.source, 'create stream'),
  'create stream': (context) => {
    const { state, view, source, target } = context
    if (!mayCreate(context, source)) return refused(state)
    const opened = withCell(state, source, { stream: view.id, unsent: [] })
    const whole = state.cells[source].rows
    const next = context.guarded('the reverse stream is there before the switch') ? 'note reverse stream' : 'verify'
    // A copy may turn out wrong: that is what verifying is for.
    const lacking = whole === 0 ? [] : done(withCell(opened, target, { rows: whole & (whole - 1) }), next, 'a row is lost')
    return [...done(withCell(opened, target, { rows: whole }), next), ...lacking]
  },
  'note reverse stream': (context) => note(context, context.target, 'create reverse stream'),
  'create reverse stream': (context) => {
    const { state, view, target, guarded } = context
    if (!mayCreate(context, target)) return refused(state)
    const opened = withCell(state, target, { stream: view.id, unsent: [] })
    return done(opened, guarded('the reverse stream is there before the switch') ? 'verify' : 'idle')
  },
  verify: (context) => {
    const [source, target] = [context.state.cells[context.source], context.state.cells[context.target]]
    if (source.unsent.length > 0) return []
    if (context.guarded('seeding is verified') && source.rows !== target.rows)
      return compareAndSet(context, 'seeding', { move: 'cleaning' }, 'idle')
    return compareAndSet(context, 'seeding', { move: 'ready' }, 'idle')
  },

  // The pause of writers.
  fence: ({ state, view, source, guarded }) => {
    const cell = state.cells[source]
    const isCancelled = guarded('a cancelled attempt cannot fence') && cell.token >= view.attempt
    if (cell.state !== 'active' || cell.epoch !== view.epoch || isCancelled) return refused(state)
    const isHeld = state.writers.some(({ cell: at, at: step }) => at === source && (step === 'locked' || step === 'entered'))
    // Waits for as long as it may; whoever finds the move still fencing then aborts it.
    if (isHeld && guarded('the fence waits for writers')) return done(state, 'idle', 'waited too long')
    const unsent = sending(cell, { marker: view.attempt })
    return done(withCell(state, source, { state: 'fenced', token: view.attempt, unsent }), 'await marker')
  },
  'await marker': ({ state, view, target, guarded }) => {
    if (state.cells[target].marker === view.attempt || !guarded('the switch waits for the marker')) return done(state, 'switch')
    const { move, attempt } = state.directory
    return move === 'fencing' && attempt === view.attempt ? [] : refused(state)
  },
  switch: (context) => {
    const { state, view, target, guarded } = context
    const namesAttempt = guarded('the switch names its attempt')
    const named = namesAttempt ? view : { ...view, attempt: state.directory.attempt, id: state.directory.id }
    if (state.directory.epoch !== view.epoch) return refused(state)
    const moved = { home: target, epoch: view.epoch + growth(guarded) }
    if (!guarded('home and move change together')) return compareAndSet(context, 'fencing', moved, 'switch move')
    const opened = guarded('the target opens after the switch') ? state : STEPS['activate target'](context)[0]!.to
    return compareAndSet({ ...context, state: opened, view: named }, 'fencing', { ...moved, move: 'switched' }, 'activate target')
  },
  'switch move': (context) => compareAndSet(context, 'fencing', { move: 'switched' }, 'activate target'),

  // Forward, come what may.
  'activate target': ({ state, view, target, guarded }) => {
    const epoch = view.epoch + growth(guarded)
    const cell = state.cells[target]
    const isLate = cell.epoch >= epoch && guarded('each switch has a later epoch')
    if (guarded('the target opens at a later epoch alone') && isLate) return done(state, 'close source', 'nothing to do')
    if (guarded('the target opens where it was made ready alone') && cell.marker !== view.attempt) return refused(state)
    return done(withCell(state, target, { state: 'active', epoch, token: view.attempt }), 'close source')
  },
  'close source': ({ state, view, source, guarded }) => {
    const { epoch, state: is } = state.cells[source]
    const isOwn = epoch === view.epoch && is === 'fenced'
    if (guarded('the source closes at its own epoch alone') && !isOwn) return done(state, 'settle', 'nothing to do')
    return done(withCell(state, source, { state: 'moved' }), 'settle')
  },
  settle: (context) => {
    const { view, guarded } = context
    const isLate = !guarded('the reverse stream is there before the switch') && !view.back
    return compareAndSet(context, 'switched', { move: view.back ? 'cleaning' : 'watching' }, isLate ? 'note reverse stream' : 'idle')
  },

  // Back to where it was.
  unfence: ({ state, view, source, guarded }) => {
    const cell = state.cells[source]
    const isOwn = cell.epoch === view.epoch && (cell.token <= view.attempt || !guarded('a fence is lifted by its own attempt alone'))
    if (!isOwn || (cell.state !== 'fenced' && cell.state !== 'active')) return done(state, 'end abort', 'nothing to do')
    return done(withCell(state, source, { state: 'active', token: Math.max(cell.token, view.attempt) }), 'end abort')
  },
  'end abort': (context) => {
    const announced = context.guarded('an abort is announced before the fence is lifted') ? 'aborting' : 'fencing'
    return compareAndSet(context, announced, context.view.back ? { move: 'watching', back: false } : { move: 'ready' }, 'idle')
  },

  // The end: streams, what was noted of them, and the rows where the merchant does not live.
  'drop stream': (context) => drop(context, context.view.from, 'forget stream'),
  'forget stream': (context) => forget(context, context.view.from, 'drop reverse stream'),
  'drop reverse stream': (context) => drop(context, other(context.view.from), 'forget reverse stream'),
  'forget reverse stream': (context) => {
    const next = context.guarded('streams are dropped before rows are deleted') ? 'delete rows' : 'end cleaning'
    return forget(context, other(context.view.from), next)
  },
  'delete rows': (context) => {
    const { state, view, guarded } = context
    const left = other(view.home)
    if (guarded('rows are deleted by the move that left them alone') && !isLeftBy(context, left))
      return done(state, 'forget home', 'nothing to do')
    return done(withCell(state, left, { rows: 0, unsent: sending(state.cells[left], { emptied: true }) }), 'forget home')
  },
  'forget home': (context) => {
    const { state, view, guarded } = context
    const next = guarded('streams are dropped before rows are deleted') ? 'end cleaning' : 'drop stream'
    const left = other(view.home)
    const { state: is } = state.cells[left]
    const may = guarded('a home is forgotten by the move that left it alone') ? isLeftBy(context, left) : is === 'standby' || is === 'moved'
    if (!may) return done(state, next, 'nothing to do')
    return done(withCell(state, left, { state: 'none', epoch: 0, token: 0, marker: 0 }), next)
  },
  'end cleaning': (context) => compareAndSet(context, 'cleaning', { move: 'none' }, 'idle'),
}

/** Whether nobody but this move has had a say in that cell since the merchant last lived there. */
function isLeftBy({ state, view }: Context, id: CellId): boolean {
  const { state: is, token } = state.cells[id]
  return (is === 'standby' || is === 'moved') && token >= view.id && token <= view.attempt
}

function note(context: Context, cell: CellId, next: MoverStep): Outcome[] {
  const { state, view, guarded } = context
  const { notes } = state.directory
  if (!guarded('an object is noted before it is made')) return done(state, next)
  const noted = cell === 0 ? ([view.id, notes[1]] as const) : ([notes[0], view.id] as const)
  const expected = context.state.directory.move === 'watching' ? 'watching' : 'seeding'
  return compareAndSet(context, expected, { notes: noted }, next)
}

/** Creator and cleaner hold the same lock, and the creator looks at the directory under it. */
function mayCreate({ state, view, guarded }: Context, cell: CellId): boolean {
  if (!guarded('no object is made while it is cleaned up')) return true
  const { move, id, notes } = state.directory
  const isNoted = notes[cell] === view.id || !guarded('an object is noted before it is made')
  return (
    id === view.id && isNoted && (move === 'seeding' || (move === 'watching' && !guarded('the reverse stream is there before the switch')))
  )
}

function drop({ state, view, guarded }: Context, cell: CellId, next: MoverStep): Outcome[] {
  const { stream } = state.cells[cell]
  if (stream === 0 || (stream !== view.id && guarded('objects are named after their move'))) return done(state, next, 'nothing to do')
  return done(withCell(state, cell, { stream: 0, unsent: [] }), next)
}

function forget({ state, view }: Context, cell: CellId, next: MoverStep): Outcome[] {
  const { notes } = state.directory
  if (notes[cell] !== view.id) return done(state, next, 'nothing to do')
  return done(inDirectory(state, { notes: cell === 0 ? [0, notes[1]] : [notes[0], 0] }), next)
}
