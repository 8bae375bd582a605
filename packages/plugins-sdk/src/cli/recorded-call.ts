import { z } from 'zod'
import { CONTRACT_IDS } from '../contracts/contract.ts'
import { PluginFault } from '../kit/bundle.ts'
import type { NamedFixture } from '../kit/fixture.ts'
import type { Shop } from './shop.ts'

/** A call as a shop lists it. */
export const listedCallSchema = z.object({
  id: z.string(),
  plugin: z.string(),
  version: z.string(),
  hook: z.string(),
  outcome: z.enum(['ok', 'failed']),
  reason: z.string().nullable(),
  detail: z.string().nullable(),
  cpu_us: z.number(),
  wall_us: z.number(),
  called_at: z.string(),
})
export type ListedCall = z.output<typeof listedCallSchema>

const recordedCallSchema = listedCallSchema.extend({
  contract: z.enum(CONTRACT_IDS),
  input: z.record(z.string(), z.unknown()).nullable(),
  configuration: z.record(z.string(), z.unknown()),
  output: z.unknown(),
  logs: z.array(z.string()),
})

/** A call that a shop recorded, as a fixture. Of one that failed nothing is expected. */
export async function loadFixture(shop: Shop, id: string): Promise<NamedFixture> {
  if (!/^[0-9a-f-]{36}$/.test(id)) throw new PluginFault(`"${id}" is no id of a call. List them: souk-plugin logs`)
  const read = recordedCallSchema.safeParse(await shop.get(`/v1/admin/plugins/calls/${id}`))
  if (!read.success) throw new PluginFault(`The shop's record of ${id} does not read as a call of a contract that this SDK knows.`)
  const { contract, hook, input, configuration, output, outcome } = read.data
  if (input === null) throw new PluginFault('The plugin was not asked at all that time; there is nothing to run again.')
  return { name: `call-${id}`, contract, hook, input, configuration, output: outcome === 'ok' ? output : null }
}
