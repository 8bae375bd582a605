import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

const PACKAGE = join(import.meta.dirname, '../..')

/** A folder outside the repository in which `@souk/plugins-sdk` and the types of Node are installed, by links. Deleted at the end of the `using` scope. */
export class PluginFolder {
  readonly path: string

  constructor(files: Record<string, string> = {}) {
    this.path = mkdtempSync(join(tmpdir(), 'souk-plugin-'))
    mkdirSync(join(this.path, 'node_modules/@souk'), { recursive: true })
    symlinkSync(PACKAGE, join(this.path, 'node_modules/@souk/plugins-sdk'))
    symlinkSync(join(PACKAGE, '../../node_modules/@types'), join(this.path, 'node_modules/@types'))
    writeFileSync(join(this.path, 'package.json'), '{"type":"module"}')
    for (const [file, text] of Object.entries(files)) this.write(file, text)
  }

  write(file: string, text: string): void {
    mkdirSync(dirname(join(this.path, file)), { recursive: true })
    writeFileSync(join(this.path, file), text)
  }

  copyFrom(folder: string): void {
    cpSync(folder, this.path, { recursive: true, filter: (path) => !path.includes('node_modules') })
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

/** The two files of a plugin: `hooks` is what follows the manifest in definePlugin, `more` further members of the manifest. */
export function pluginFiles(input: Record<string, string[]>, hooks: string, more: object = {}): Record<string, string> {
  const contracts: Record<string, string> = {}
  for (const id of Object.keys(input)) {
    const [name, major] = id.split('@') as [string, string]
    contracts[name] = contracts[name] === undefined ? `^${major}` : `${contracts[name]} || ^${major}`
  }
  const manifest = { name: 'test-plugin', version: '1.0.0', title: 'Test', sdk: '^1.0.0', contracts, input, ...more }
  return {
    'src/manifest.ts': `import { defineManifest } from '@souk/plugins-sdk'\nexport const manifest = defineManifest(${JSON.stringify(manifest)})\n`,
    'src/plugin.ts': `import { definePlugin } from '@souk/plugins-sdk'\nimport { manifest } from './manifest.ts'\nexport const plugin = definePlugin(manifest, ${hooks})\n`,
  }
}
