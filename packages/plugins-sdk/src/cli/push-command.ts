import { Command } from 'commander'
import { z } from 'zod'
import { sunsetNotices } from '../contracts/sunset.ts'
import { PluginFault } from '../kit/bundle.ts'
import { contractIdsOf } from '../manifest.ts'
import { type ConnectionOptions, connect, withConnection } from './connection.ts'
import { buildHere, describeBundle, writeRelease } from './release.ts'

const releaseSchema = z.object({ id: z.string(), plugin: z.string(), version: z.string(), digest: z.string() })

export function pushCommand(): Command {
  const command = new Command('push').description('build and give a release to a shop; it runs nowhere until it is installed')
  return withConnection(command).action(async (options: ConnectionOptions) => {
    const shop = connect(options)
    const bundle = await buildHere()
    const closed = sunsetNotices(contractIdsOf(bundle.manifest), new Date()).find((notice) => notice.closed)
    if (closed !== undefined) throw new PluginFault(closed.text)
    writeRelease(process.cwd(), bundle)
    console.log(describeBundle(bundle))
    const release = releaseSchema.parse(await shop.post('/v1/admin/plugins/releases', { manifest: bundle.manifest, bundle: bundle.source }))
    if (release.digest !== bundle.digest) throw new PluginFault(`The shop has other bytes: ${release.digest}.`)
    console.log(`pushed ${release.plugin} ${release.version} as release ${release.id}`)
  })
}
