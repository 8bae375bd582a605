/** Goods at a location, and how many of them can still be promised there. */
export interface Place {
  variantId: string
  locationId: string
  /** Of the location: the highest gives first. */
  priority: number
  free: bigint
}

/** What one unit of a line takes of the stock: itself, or the components of a bundle. */
export interface Part {
  lineVariantId: string
  variantId: string
  perUnit: bigint
}

export interface Line {
  variantId: string
  quantity: bigint
}

/** Units of goods that are taken from a place for a line. */
export interface Pick extends Part {
  locationId: string
  quantity: bigint
}

interface Location {
  id: string
  priority: number
}

/** The stock that may be given away, while it is given away. */
export class Shelves {
  readonly #free = new Map<string, bigint>()
  readonly #parts = new Map<string, Part[]>()
  readonly #locations: Location[]

  constructor(places: readonly Place[], parts: readonly Part[]) {
    for (const place of places) this.#free.set(key(place), place.free)
    for (const part of parts) this.#parts.set(part.lineVariantId, [...(this.#parts.get(part.lineVariantId) ?? []), part])
    const locations = new Map(places.map(({ locationId, priority }) => [locationId, { id: locationId, priority }]))
    this.#locations = [...locations.values()].sort((one, other) => other.priority - one.priority || (one.id < other.id ? -1 : 1))
  }

  /** Goods that were held are free again. */
  putBack(goods: { variantId: string; locationId: string; quantity: bigint }): void {
    this.#free.set(key(goods), (this.#free.get(key(goods)) ?? 0n) + goods.quantity)
  }

  /**
   * Takes all lines or nothing: from the first location that has everything, else line by line from each location in
   * turn. A unit of a bundle comes from one location. Answers where from, or the variants of which there is not enough.
   */
  take(lines: readonly Line[]): { picks: Pick[] } | { short: string[] } {
    const before = new Map(this.#free)
    for (const location of this.#locations) {
      const { picks, short } = this.#takeFrom([location], lines)
      if (short.length === 0) return { picks }
      this.#restore(before)
    }
    const { picks, short } = this.#takeFrom(this.#locations, lines)
    if (short.length === 0) return { picks }
    this.#restore(before)
    return { short }
  }

  /** Bundles choose first: they need their components side by side, single goods come from anywhere. */
  #takeFrom(locations: readonly Location[], lines: readonly Line[]): { picks: Pick[]; short: string[] } {
    const inTurn = [...lines].sort((one, other) => this.#partsOf(other).length - this.#partsOf(one).length)
    const picks: Pick[] = []
    const short: string[] = []
    for (const line of inTurn) {
      let missing = line.quantity
      for (const location of locations) {
        const units = least(missing, this.#unitsAt(location, line))
        if (units === 0n) continue
        picks.push(...this.#pick(location, line, units))
        missing -= units
      }
      if (missing > 0n) short.push(line.variantId)
    }
    return { picks, short }
  }

  #unitsAt(location: Location, line: Line): bigint {
    const parts = this.#partsOf(line)
    if (parts.length === 0) return 0n
    return parts
      .map(({ variantId, perUnit }) => (this.#free.get(key({ variantId, locationId: location.id })) ?? 0n) / perUnit)
      .reduce(least)
  }

  #pick(location: Location, line: Line, units: bigint): Pick[] {
    return this.#partsOf(line).map((part) => {
      const pick = { ...part, locationId: location.id, quantity: units * part.perUnit }
      this.#free.set(key(pick), this.#free.get(key(pick))! - pick.quantity)
      return pick
    })
  }

  #partsOf(line: Line): Part[] {
    return this.#parts.get(line.variantId) ?? []
  }

  #restore(before: ReadonlyMap<string, bigint>): void {
    for (const [place, free] of before) this.#free.set(place, free)
  }
}

function key({ variantId, locationId }: { variantId: string; locationId: string }): string {
  return `${variantId}|${locationId}`
}

function least(one: bigint, other: bigint): bigint {
  return one < other ? one : other
}
