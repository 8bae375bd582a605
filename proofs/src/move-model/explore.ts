/** One thing that may happen next. `own` steps are taken by the platform itself sooner or later; the others may never come. */
export interface Step<State> {
  name: string
  own: boolean
  to: State
}

/** A system in small: its states are made of parts, which are plain JSON and never changed in place. */
export interface Model<State> {
  initial: State
  /** In a fixed order; parts that are alike (two writers) sorted, so that states that differ by their names alone are one. */
  partsOf(state: State): object[]
  stateOf(parts: object[]): State
  steps(state: State): Step<State>[]
  /** What must never be, in a state or between one and the next. */
  brokenIn(state: State): string | undefined
  brokenBy(before: State, after: State): string | undefined
  /** What must not be where the platform has nothing left to do by itself. */
  brokenAtRest(state: State): string | undefined
}

export interface Violation {
  broken: string
  /** The shortest way there. */
  steps: string[]
}

export interface Exploration {
  states: number
  transitions: number
  /** States in which the platform has nothing left to do by itself. */
  resting: number
  /** False when it ended early: at a violation, or at `statesMax`. */
  complete: boolean
  violation?: Violation
}

export const NEVER_RESTS = 'the platform can never come to rest again by its own steps'

/**
 * Visits every state that can be reached, breadth first, so that a violation comes with the shortest way to it. At the end every state
 * must have a way of the platform's own steps to a state of rest: nothing is stuck, or goes round in circles for good.
 */
export function explore<State>(model: Model<State>, { statesMax = Number.POSITIVE_INFINITY } = {}): Exploration {
  const known = new KnownStates(model)
  const toRest: number[] = []
  const ownEdges = new Edges()
  let transitions = 0
  const result = (rest: Partial<Exploration>): Exploration => ({
    states: known.size,
    transitions,
    resting: toRest.length,
    complete: false,
    ...rest,
  })
  const violated = (broken: string, at: number, last?: string) => result({ violation: { broken, steps: known.wayTo(at, last) } })

  known.add(model.initial, -1, '')
  for (let at = 0; at < known.size; at++) {
    if (known.size > statesMax) return result({})
    const state = known.state(at)
    const steps = model.steps(state)
    if (!steps.some(({ own }) => own)) {
      const broken = model.brokenAtRest(state)
      if (broken !== undefined) return violated(broken, at)
      toRest.push(at)
    }
    for (const { name, own, to } of steps) {
      transitions++
      const broken = model.brokenBy(state, to) ?? model.brokenIn(to)
      if (broken !== undefined) return violated(broken, at, name)
      const next = known.add(to, at, name)
      if (own) ownEdges.add(at, next)
    }
  }
  const stuck = firstWithoutWay(known.size, ownEdges, toRest)
  return stuck === undefined ? result({ complete: true }) : violated(NEVER_RESTS, stuck)
}

/** The first state from which no own steps lead to one of the goals. */
function firstWithoutWay(size: number, edges: Edges, goals: readonly number[]): number | undefined {
  const before = edges.byTarget(size)
  const leads = new Uint8Array(size)
  const open = [...goals]
  for (const goal of goals) leads[goal] = 1
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (let index = before.starts[next]!; index < before.starts[next + 1]!; index++) {
      const source = before.sources[index]!
      if (leads[source] === 1) continue
      leads[source] = 1
      open.push(source)
    }
  }
  const stuck = leads.indexOf(0)
  return stuck === -1 ? undefined : stuck
}

/**
 * States by number. Each is kept as a short text with a number for each of its parts: parts repeat far more often than states do, and
 * a million states fit into a few hundred megabytes. No two states share a text, so none is taken for another.
 */
class KnownStates<State> {
  readonly #model: Model<State>
  readonly #keys: string[] = []
  readonly #numbers = new Map<string, number>()
  readonly #parents: number[] = []
  readonly #names: string[] = []
  readonly #parts: object[] = []
  readonly #partNumbers = new Map<string, number>()
  readonly #partCache = new WeakMap<object, number>()

  constructor(model: Model<State>) {
    this.#model = model
  }

  get size(): number {
    return this.#keys.length
  }

  add(state: State, parent: number, name: string): number {
    let key = ''
    for (const part of this.#model.partsOf(state)) {
      const number = this.#numberOf(part)
      key += String.fromCharCode(number & 0xffff, number >>> 16)
    }
    const existing = this.#numbers.get(key)
    if (existing !== undefined) return existing
    const number = this.#keys.push(key) - 1
    this.#numbers.set(key, number)
    this.#parents.push(parent)
    this.#names.push(name)
    return number
  }

  state(number: number): State {
    const key = this.#keys[number]!
    const parts: object[] = []
    for (let at = 0; at < key.length; at += 2) parts.push(this.#parts[key.charCodeAt(at) + (key.charCodeAt(at + 1) << 16)]!)
    return this.#model.stateOf(parts)
  }

  wayTo(number: number, last?: string): string[] {
    const way = last === undefined ? [] : [last]
    for (let at = number; at > 0; at = this.#parents[at]!) way.unshift(this.#names[at]!)
    return way
  }

  #numberOf(part: object): number {
    const cached = this.#partCache.get(part)
    if (cached !== undefined) return cached
    const text = JSON.stringify(part)
    let number = this.#partNumbers.get(text)
    if (number === undefined) {
      number = this.#parts.push(part) - 1
      this.#partNumbers.set(text, number)
    }
    this.#partCache.set(part, number)
    return number
  }
}

/** Pairs of states, by the million. */
class Edges {
  #pairs = new Int32Array(1 << 16)
  #length = 0

  add(from: number, to: number): void {
    if (this.#length === this.#pairs.length) {
      const larger = new Int32Array(this.#length * 2)
      larger.set(this.#pairs)
      this.#pairs = larger
    }
    this.#pairs[this.#length++] = from
    this.#pairs[this.#length++] = to
  }

  /** The sources of each target, one after the other: those of `n` are from `starts[n]` up to `starts[n + 1]`. */
  byTarget(size: number): { starts: Int32Array; sources: Int32Array } {
    const starts = new Int32Array(size + 1)
    for (let at = 1; at < this.#length; at += 2) starts[this.#pairs[at]! + 1]!++
    for (let n = 0; n < size; n++) starts[n + 1]! += starts[n]!
    const free = starts.slice()
    const sources = new Int32Array(this.#length / 2)
    for (let at = 0; at < this.#length; at += 2) sources[free[this.#pairs[at + 1]!]!++] = this.#pairs[at]!
    return { starts, sources }
  }
}
