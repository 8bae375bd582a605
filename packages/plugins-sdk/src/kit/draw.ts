/** Draws that are the same for the same seed, on every machine. */
export interface Draw {
  /** From least to most, both included. */
  integer(least: number, most: number): number
  chance(probability: number): boolean
  one<Item>(items: readonly Item[]): Item
  /** Up to three of the items, none twice. */
  some<Item>(items: readonly Item[]): Item[]
}

/** mulberry32: small, and good enough to vary carts. */
export function drawFrom(seed: number): Draw {
  let state = Math.imul(seed + 1, 0x9e3779b1)
  const fraction = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
  const integer = (least: number, most: number) => least + Math.floor(fraction() * (most - least + 1))
  const one = <Item>(items: readonly Item[]) => items[integer(0, items.length - 1)]!
  return {
    integer,
    chance: (probability) => fraction() < probability,
    one,
    some: (items) => [...new Set(Array.from({ length: integer(0, 3) }, () => one(items)))],
  }
}
