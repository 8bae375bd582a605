import { execFile } from 'node:child_process'
import { globSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { buildBundle } from '@souk/plugins-sdk/kit/bundle.ts'
import { root } from './pnpm.mjs'

const SDK = join(root, 'packages', 'plugins-sdk')
const SDK_SOURCES = ['build.ts', 'package.json', 'src/**/*.ts']

/** A plugin of examples/plugins as its author would push it. What it imports is the SDK as it is published, which is built first if need be. */
export async function buildPlugin(plugin: string): Promise<{ manifest: object; source: string }> {
  await buildSdk()
  return buildBundle(join(root, 'examples', 'plugins', plugin))
}

/** Builds the SDK's dist/, unless it is newer than all that it is made from. */
async function buildSdk(): Promise<void> {
  const modified = (file: string) => statSync(join(SDK, file), { throwIfNoEntry: false })?.mtimeMs ?? 0
  const newest = Math.max(...globSync(SDK_SOURCES, { cwd: SDK }).map(modified))
  if (modified('dist') < newest) await promisify(execFile)(process.execPath, ['build.ts'], { cwd: SDK })
}
