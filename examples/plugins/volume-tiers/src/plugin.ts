import { definePlugin } from '@souk/plugins-sdk'
import { manifest } from './manifest.ts'

export const plugin = definePlugin(manifest, {
  'discount@2': {
    run({ lines, customer }, { programs, count, excluded_tag, on_reduced }) {
      const groups = customer?.groups ?? []
      const program = programs.find(({ group }) => group === '' || groups.includes(group))
      if (program === undefined) return { discounts: [] }

      const counted = lines.filter(({ tags }) => !tags.includes(excluded_tag))
      const together = Map.groupBy(counted, ({ id, product_id }) => (count === 'product' ? product_id : id))
      const discounts = [...together.values()].flatMap((goods) => {
        const quantity = goods.reduce((sum, line) => sum + line.quantity, 0)
        const tier = tierOf(program.tiers, quantity)
        if (tier === undefined || goods.every(({ unit_price }) => unit_price === 0)) return []
        return [
          {
            target: { lines: goods.map(({ id }) => ({ line_id: id })) },
            value: { percentage: tier.percent },
            message: `${tier.percent} % off from ${tier.from} units`,
            combines: on_reduced,
          },
        ]
      })
      return { discounts }
    },
  },
})

/** The highest tier that the quantity reaches; merchants write tiers in any order. */
function tierOf<Tier extends { from: number }>(tiers: readonly Tier[], quantity: number): Tier | undefined {
  return tiers.filter(({ from }) => quantity >= from).sort((a, b) => b.from - a.from)[0]
}
