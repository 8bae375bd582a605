import { z } from 'zod'
import type { Shop } from './shop.ts'

/** An installation as a shop shows it. */
export const installSchema = z.object({
  id: z.string(),
  plugin: z.string(),
  state: z.string(),
  version_range: z.string(),
  version: z.string(),
  candidate: z.object({ version: z.string(), percent: z.string() }).nullable(),
  providers: z.array(z.object({ point: z.string(), position: z.number(), failure_policy: z.string() })),
})
export type Install = z.output<typeof installSchema>

/** The installation of a plugin, if the shop has it. */
export async function findInstall(shop: Shop, plugin: string): Promise<Install | undefined> {
  const { data } = z.object({ data: z.array(installSchema) }).parse(await shop.get('/v1/admin/plugins/installs'))
  return data.find((install) => install.plugin === plugin)
}
