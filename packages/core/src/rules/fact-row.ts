import { FACTS, type FactType } from './fact-catalogue.ts'
import type { CartFacts, FactName, LineFacts } from './fact-values.ts'

const DAY_MS = 86_400_000

/**
 * The facts that a set of rules needs, read once and side by side, so that a condition finds its value by position.
 * Amounts are numbers here (money.ts keeps them far below 2^53), times milliseconds, dates days, missing values undefined.
 */
export type Row = Value[]
export type Value = boolean | number | string | readonly string[] | readonly Row[] | undefined

export interface Slot {
  fact: FactName
  position: number
  type: FactType
}

/** Hands out positions of a row while conditions are compiled. The cart's layout holds that of its lines. */
export class RowLayout {
  readonly slots: Slot[] = []
  readonly lines: RowLayout | undefined
  private readonly byFact = new Map<FactName, Slot>()

  constructor(scope: 'cart' | 'line') {
    this.lines = scope === 'cart' ? new RowLayout('line') : undefined
  }

  slotOf(fact: FactName): Slot {
    let slot = this.byFact.get(fact)
    if (!slot) {
      slot = { fact, position: this.slots.length, type: FACTS[fact].type }
      this.byFact.set(fact, slot)
      this.slots.push(slot)
    }
    return slot
  }

  /** The facts that are read, those of lines too. */
  needs(): FactName[] {
    return [...this.slots, ...(this.lines?.slots ?? [])].map((slot) => slot.fact)
  }

  /** Reads every fact of the layout once, and no other. */
  read(facts: CartFacts | LineFacts): Row {
    const { slots } = this
    const row: Row = new Array(slots.length)
    for (let position = 0; position < slots.length; position++) {
      const slot = slots[position]!
      const value = (facts as unknown as Record<FactName, unknown>)[slot.fact]
      row[position] = value === undefined || value === null ? undefined : this.convert(slot.type, value)
    }
    return row
  }

  private convert(type: FactType, value: unknown): Value {
    switch (type) {
      case 'amount':
        return Number(value)
      case 'integer':
      case 'decimal':
        return finite(value as number)
      case 'time':
        return finite(Date.parse(value as string))
      case 'date':
        return finite(dayNumber(value as string))
      case 'lines':
        return this.readLines(value as readonly LineFacts[])
      default:
        return value as Value
    }
  }

  private readLines(lines: readonly LineFacts[]): Row[] {
    const rows: Row[] = new Array(lines.length)
    for (let index = 0; index < lines.length; index++) rows[index] = this.lines!.read(lines[index]!)
    return rows
  }
}

/** A calendar day as days since 1970-01-01; NaN for what is none. */
export function dayNumber(date: string): number {
  return Date.parse(`${date}T00:00:00Z`) / DAY_MS
}

export function dayText(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10)
}

/** NaN compares as false with everything, but also differs from everything: it counts as missing. */
function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined
}
