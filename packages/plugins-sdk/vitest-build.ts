import { execFileSync } from 'node:child_process'
import { globSync, statSync } from 'node:fs'
import { join } from 'node:path'

const root = import.meta.dirname
const SOURCES = ['build.ts', 'package.json', 'src/**/*.ts', '../plugin-host/src/**/*.ts']

/** The kit and the command are tested as they are published: dist/ is built first, unless it is newer than everything it is made from. */
export function setup(): void {
  const newest = Math.max(
    ...SOURCES.flatMap((pattern) => globSync(pattern, { cwd: root })).map((file) => statSync(join(root, file)).mtimeMs),
  )
  if (builtAt() < newest) execFileSync(process.execPath, ['build.ts'], { cwd: root, stdio: 'inherit' })
}

function builtAt(): number {
  return statSync(join(root, 'dist'), { throwIfNoEntry: false })?.mtimeMs ?? 0
}
