import type { Operator, Scalar } from './conditions.ts'

/** The values that conditions on one fact leave to it. */
export abstract class Domain {
  /** Whether the fact must have a value, or must have none. */
  private presence: boolean | undefined
  private torn = false

  /** Leaves only what the condition allows. Values are comparable ones: numbers for numbers, times, dates and decimals. */
  restrict(operator: Operator, values: readonly Scalar[]): void {
    const presence = operator !== 'isSet' || values[0] === true
    if (this.presence !== undefined && this.presence !== presence) this.torn = true
    this.presence = presence
    if (operator !== 'isSet') this.narrow(operator, values)
  }

  get empty(): boolean {
    return this.torn || (this.presence === true && this.noValue)
  }

  /** Whether every value the fact can have is still left. */
  get entire(): boolean {
    return false
  }

  protected abstract narrow(operator: Operator, values: readonly Scalar[]): void

  protected abstract get noValue(): boolean
}

/** One of the values named, none of those excluded. */
class Choice {
  private only: Set<Scalar> | undefined
  readonly excluded = new Set<Scalar>()

  constructor(values?: readonly Scalar[]) {
    this.only = values && new Set(values)
  }

  /** The values it has come down to; undefined while it is open. */
  get left(): Scalar[] | undefined {
    return this.only && [...this.only].filter((value) => !this.excluded.has(value))
  }

  get untouched(): boolean {
    return !this.only && this.excluded.size === 0
  }

  /** Understands equal, notEqual, in and notIn. */
  narrow(operator: Operator, values: readonly Scalar[]): void {
    const { only } = this
    if (operator === 'notEqual' || operator === 'notIn') for (const value of values) this.excluded.add(value)
    else this.only = new Set(only ? values.filter((value) => only.has(value)) : values)
  }
}

/** Whole numbers: a strict bound is the next one. */
export class NumberDomain extends Domain {
  private readonly from: number
  private readonly to: number
  private least: number
  private most: number
  private readonly choice = new Choice()

  constructor(from: number, to: number) {
    super()
    this.from = this.least = from
    this.to = this.most = to
  }

  override get entire(): boolean {
    return this.least === this.from && this.most === this.to && this.choice.untouched
  }

  protected override narrow(operator: Operator, values: readonly Scalar[]): void {
    const bounds = this.boundsOf(operator, values as readonly number[])
    if (!bounds) {
      this.choice.narrow(operator, values)
      return
    }
    this.least = Math.max(this.least, bounds[0])
    this.most = Math.min(this.most, bounds[1])
  }

  private boundsOf(operator: Operator, [value = 0, end = 0]: readonly number[]): [number, number] | undefined {
    switch (operator) {
      case 'lessThan':
        return [this.from, value - 1]
      case 'lessThanInclusive':
        return [this.from, value]
      case 'greaterThan':
        return [value + 1, this.to]
      case 'greaterThanInclusive':
        return [value, this.to]
      case 'between':
        return [value, end]
      default:
        return undefined
    }
  }

  protected override get noValue(): boolean {
    const inside = (value: Scalar) => (value as number) >= this.least && (value as number) <= this.most
    if (this.choice.left) return !this.choice.left.some(inside)
    return this.least > this.most || [...this.choice.excluded].filter(inside).length > this.most - this.least
  }
}

/** Texts; true and false. */
export class TextDomain extends Domain {
  private readonly choice: Choice
  private readonly beginnings: string[] = []
  private readonly endings: string[] = []

  constructor(values?: readonly Scalar[]) {
    super()
    this.choice = new Choice(values)
  }

  protected override narrow(operator: Operator, values: readonly Scalar[]): void {
    if (operator === 'startsWith') this.beginnings.push(values[0] as string)
    else if (operator === 'endsWith') this.endings.push(values[0] as string)
    else if (operator !== 'matches') this.choice.narrow(operator, values)
  }

  protected override get noValue(): boolean {
    if (this.choice.left) return !this.choice.left.some((value) => typeof value !== 'string' || this.fits(value))
    const beginning = longest(this.beginnings)
    const ending = longest(this.endings)
    return this.beginnings.some((text) => !beginning.startsWith(text)) || this.endings.some((text) => !ending.endsWith(text))
  }

  private fits(text: string): boolean {
    return this.beginnings.every((each) => text.startsWith(each)) && this.endings.every((each) => text.endsWith(each))
  }
}

/** Sets of texts. */
export class SetDomain extends Domain {
  private readonly wanted = new Set<Scalar>()
  private readonly unwanted = new Set<Scalar>()
  private readonly alternatives: (readonly Scalar[])[] = []

  protected override narrow(operator: Operator, values: readonly Scalar[]): void {
    if (operator === 'containsAny') this.alternatives.push(values)
    else if (operator === 'contains' || operator === 'containsAll') for (const value of values) this.wanted.add(value)
    else for (const value of values) this.unwanted.add(value)
  }

  protected override get noValue(): boolean {
    const unwanted = (value: Scalar) => this.unwanted.has(value)
    return [...this.wanted].some(unwanted) || this.alternatives.some((values) => values.every(unwanted))
  }
}

function longest(texts: readonly string[]): string {
  return texts.reduce((found, text) => (text.length > found.length ? text : found), '')
}
