import { Seeded } from '../seeded.ts'
import type { World } from '../world.ts'
import { type DeathReport, dieAt, keyOf, type Place, rehearse } from './die-at.ts'
import { ORDER_DEEDS } from './order-deeds.ts'
import { PLATFORM_DEEDS } from './platform-deeds.ts'
import { SHOP_DEEDS } from './shop-deeds.ts'
import type { Deed } from './stage.ts'

export const DEEDS: readonly Deed[] = [...ORDER_DEEDS, ...SHOP_DEEDS, ...PLATFORM_DEEDS]

/** Where to die, and in which deed. */
export interface Death {
  deed: Deed
  place: Place
}

type Tell = (report: DeathReport) => void

/** Does each deed once, and answers every place to die that was come by, with the deed that came by it first. */
export async function rehearseAll(world: World, deeds: readonly Deed[], passes: number, tell: Tell): Promise<Death[]> {
  const known = new Map<string, Death>()
  for (const deed of deeds) {
    const { places, report } = await rehearse(world, deed, passes)
    tell(report)
    for (const place of places) if (!known.has(keyOf(place))) known.set(keyOf(place), { deed, place })
  }
  return [...known.values()]
}

/** Every so-many-th of the deaths, beginning at the one of that index, in an order that comes from a seed. */
export async function dieAtShare(
  world: World,
  deaths: readonly Death[],
  { of, index, seed }: { of: number; index: number; seed: number },
  tell: Tell,
): Promise<void> {
  const ours = deaths.filter((_death, position) => position % of === index)
  for (const { deed, place } of shuffled(ours, new Seeded(seed))) tell(await dieAt(world, deed, place))
}

function shuffled<Item>(items: readonly Item[], seeded: Seeded): Item[] {
  return items
    .map((item) => ({ item, at: seeded.next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}
