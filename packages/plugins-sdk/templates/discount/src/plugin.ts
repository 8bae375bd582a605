import { definePlugin } from '@souk/plugins-sdk'
import { manifest } from './manifest.ts'

export const plugin = definePlugin(manifest, {
  'discount@1': {
    run({ lines }, { quantity, percent }) {
      const earned = lines.filter((line) => line.quantity >= quantity)
      return {
        operations: earned.map((line) => ({
          type: 'line',
          line_id: line.id,
          value: { percentage: percent },
          message: `${percent} % off from ${quantity} units`,
        })),
      }
    },
  },
})
