import { cpSync, existsSync, globSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { Command, Option } from 'commander'
import { CONTRACT_NAMES, type ContractName } from '../contracts/contract.ts'
import { PluginFault } from '../kit/bundle.ts'
import { SDK_VERSION } from '../manifest.ts'

// Where the templates are, from the sources and from dist/.
const TEMPLATES = new URL(import.meta.url.endsWith('.ts') ? '../../templates/' : '../templates/', import.meta.url)

interface InitOptions {
  point: ContractName
  sdk: string
}

export function initCommand(): Command {
  return new Command('init')
    .description('start a plugin: code, fixtures and tests that pass')
    .argument('<folder>', 'a new or empty folder; its name becomes the name of the plugin')
    .addOption(new Option('--point <point>', 'what it provides').choices(CONTRACT_NAMES).default('discount'))
    .option('--sdk <version>', 'what package.json asks for: a version of the SDK, or file:<tarball>', `^${SDK_VERSION}`)
    .action((folder: string, { point, sdk }: InitOptions) => {
      const target = resolve(folder)
      const name = basename(target)
      if (!/^[a-z][a-z0-9-]{1,62}[a-z0-9]$/.test(name)) {
        throw new PluginFault(`"${name}" cannot be the name of a plugin: lower case letters, digits and dashes, 3 to 64.`)
      }
      if (existsSync(target) && readdirSync(target).some((entry) => entry !== '.git')) throw new PluginFault(`${target} is not empty.`)
      writeTemplate(target, point, { 'my-plugin': name, '@sdk': sdk })
      console.log(`${name} is a ${point} plugin in ${target}. Next:\n\n  cd ${folder}\n  npm install\n  npm test\n  npm run dev`)
    })
}

/** Copies what all plugins have and what this kind has, with the placeholders filled in. */
function writeTemplate(target: string, point: ContractName, words: Record<string, string>): void {
  for (const part of ['shared', point]) cpSync(new URL(part, TEMPLATES), target, { recursive: true })
  // npm leaves a file of this name out of a package, or takes it for its own.
  renameSync(join(target, 'gitignore'), join(target, '.gitignore'))
  for (const file of globSync('**/*.{ts,json,md}', { cwd: target })) {
    const path = join(target, file)
    let text = readFileSync(path, 'utf8')
    for (const [placeholder, word] of Object.entries(words)) text = text.replaceAll(placeholder, word)
    writeFileSync(path, text)
  }
}
