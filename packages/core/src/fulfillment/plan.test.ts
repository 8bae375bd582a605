import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { imageType } from './image-type.ts'
import { freeOf, planPicks } from './plan.ts'

const variant = fc.constantFrom('tea', 'cup', 'pot')
const quantity = fc.bigInt({ min: 0n, max: 20n })
const linesOf = fc
  .array(fc.record({ variantId: variant, uncovered: quantity }), { maxLength: 6 })
  .map((lines) => lines.map((line, index) => ({ id: `line-${index}`, ...line })))
const allocationsOf = fc.uniqueArray(fc.record({ variantId: variant, locationId: fc.constantFrom('north', 'south', 'west'), quantity }), {
  selector: ({ variantId, locationId }) => `${variantId} ${locationId}`,
})
const sum = (quantities: readonly bigint[]) => quantities.reduce((total, each) => total + each, 0n)

describe('a plan of what to pick where', () => {
  it('has every open piece once, at a place that has it, or says that it is nowhere', () => {
    fc.assert(
      fc.property(linesOf, allocationsOf, (lines, allocations) => {
        const { places, unallocated } = planPicks(lines, allocations)
        for (const line of lines) {
          const planned = sum(
            places.flatMap((place) => place.lines.filter(({ lineId }) => lineId === line.id).map((each) => each.quantity)),
          )
          const missing = sum(unallocated.filter(({ lineId }) => lineId === line.id).map((each) => each.quantity))
          expect(planned + missing).toBe(line.uncovered)
        }
        for (const { variantId, locationId, quantity: there } of allocations) {
          const place = places.find((each) => each.locationId === locationId)
          const taken = sum((place?.lines ?? []).filter((line) => line.variantId === variantId).map((line) => line.quantity))
          expect(taken).toBeLessThanOrEqual(there)
        }
        expect(places.flatMap(({ lines: planned }) => planned).every((line) => line.quantity > 0n)).toBe(true)
      }),
    )
  })

  it('leaves nothing out that is there', () => {
    fc.assert(
      fc.property(linesOf, allocationsOf, (lines, allocations) => {
        const { unallocated } = planPicks(lines, allocations)
        for (const variantId of ['tea', 'cup', 'pot']) {
          const wanted = sum(lines.filter((line) => line.variantId === variantId).map((line) => line.uncovered))
          const there = sum(allocations.filter((place) => place.variantId === variantId).map((place) => place.quantity))
          const ids = lines.filter((line) => line.variantId === variantId).map(({ id }) => id)
          const missing = sum(unallocated.filter(({ lineId }) => ids.includes(lineId)).map((each) => each.quantity))
          expect(missing).toBe(wanted > there ? wanted - there : 0n)
        }
      }),
    )
  })

  it('does not count what is in hand', () => {
    const allocations = [{ variantId: 'tea', locationId: 'north', quantity: 5n }]
    const inHand = [3n, 1n].map((taken) => ({ variantId: 'tea', locationId: 'north', quantity: taken }))
    expect(freeOf(allocations, inHand)).toEqual([{ variantId: 'tea', locationId: 'north', quantity: 1n }])
    expect(freeOf(allocations, [...inHand, ...inHand])).toEqual([])
  })
})

describe('a picture', () => {
  it.each([
    ['image/png', [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0]],
    ['image/jpeg', [0xff, 0xd8, 0xff, 0xe0]],
    ['image/webp', [...Buffer.from('RIFF....WEBP')]],
    [undefined, [...Buffer.from('<svg/>')]],
    [undefined, [...Buffer.from('RIFF....WAVE')]],
    [undefined, [0x89, 0x50]],
    [undefined, []],
  ])('is known by its first bytes: %s', (type, bytes) => {
    expect(imageType(Uint8Array.from(bytes))).toBe(type)
  })
})
