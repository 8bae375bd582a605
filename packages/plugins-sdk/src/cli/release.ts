import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sunsetNotices } from '../contracts/sunset.ts'
import { type Bundle, buildBundle, bundleOf, PluginFault } from '../kit/bundle.ts'
import { BUNDLE_BYTES_MAX } from '../limits.ts'
import { contractIdsOf } from '../manifest.ts'

export const RELEASE_FOLDER = 'dist'

/** Writes a bundle where push and replay find it: dist/bundle.js and dist/manifest.json. */
export function writeRelease(folder: string, { manifest, source }: Bundle): void {
  mkdirSync(join(folder, RELEASE_FOLDER), { recursive: true })
  writeFileSync(join(folder, RELEASE_FOLDER, 'bundle.js'), source)
  writeFileSync(join(folder, RELEASE_FOLDER, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`)
}

/** The bundle of a folder as `souk-plugin build` left it. */
export function readRelease(folder: string): Bundle {
  const at = (name: string) => join(folder, RELEASE_FOLDER, name)
  if (!existsSync(at('bundle.js')) || !existsSync(at('manifest.json'))) throw new PluginFault('Nothing is built yet: souk-plugin build')
  return bundleOf(JSON.parse(readFileSync(at('manifest.json'), 'utf8')), readFileSync(at('bundle.js'), 'utf8'))
}

export function describeBundle({ manifest, digest, bytes }: Bundle): string {
  const share = ((100 * bytes) / BUNDLE_BYTES_MAX).toFixed(1)
  return `${manifest.name} ${manifest.version}  ${bytes} bytes (${share} % of the limit)  sha256 ${digest}`
}

/** The bundle of the current folder, built afresh. Says so when a contract of it will end. */
export async function buildHere(): Promise<Bundle> {
  const bundle = await buildBundle(process.cwd())
  for (const { text } of sunsetNotices(contractIdsOf(bundle.manifest), new Date())) console.error(text)
  return bundle
}
