import { execFile } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { PluginFolder } from './src/testing/plugin-folder.ts'

// Follows docs/plugins/tutorial.md to the shop's door: its code is what is written, its commands are what is run, and what it prints is what is
// printed, but for numbers.

const page = readFileSync(new URL('../../docs/plugins/tutorial.md', import.meta.url), 'utf8')
const BIN = join(import.meta.dirname, 'bin/souk-plugin.mjs')
const TSC = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')

test('a newcomer who does what the tutorial says sees what it shows', async () => {
  using folder = new PluginFolder()
  await run(folder, BIN, ['init', 'mixed-coffee'])
  folder.copyFrom(join(folder.path, 'mixed-coffee'))
  const [plugin, manifest, ownTest, , regulars, needed] = blocks('ts')
  const [sixBags, regularNeedsThree] = blocks('json')

  expect(shown('npm test')).toContain(normal((await run(folder, BIN, ['test', '--fixtures-only'])).split('\n')[1]!))

  folder.write('src/plugin.ts', plugin!)
  expect(normal(await run(folder, TSC, []))).toBe(shown('npm run typecheck'))
  folder.write('src/manifest.ts', manifest!)
  expect(await run(folder, TSC, [])).not.toContain('src/')

  expect(normal(await run(folder, BIN, ['test', '--fixtures-only']))).toContain(shown('npx souk-plugin test --fixtures-only').trim())
  rmSync(join(folder.path, 'fixtures'), { recursive: true })
  folder.write('fixtures/six-bags-of-two-sorts.json', sixBags!)
  expect(normal(await run(folder, BIN, ['test', '--fixtures-only', '--update']))).toContain(
    shown('npx souk-plugin test --fixtures-only --update').trim(),
  )
  const written = readFileSync(join(folder.path, 'fixtures/six-bags-of-two-sorts.json'), 'utf8')
  expect(normal(written.slice(written.indexOf('  "output"')))).toBe(shown(`sed -n '/"output"/,$p' fixtures/six-bags-of-two-sorts.json`))
  folder.write('test/plugin.test.ts', ownTest!)
  expect(await run(folder, '--test', ['test/**/*.test.ts'])).toMatch(/fail 0/)

  const input = blocks('ts')[3]!.trim()
  folder.write('src/manifest.ts', manifest!.replace(/^ *input: .*$/m, input).replace('      percent:', `${regulars!}      percent:`))
  const withRegulars = plugin!
    .replace(/^ *run\(.*\n/m, needed!)
    .replace('count < quantity', 'count < needed')
    .replace('{quantity} bags', '{needed} bags')
  folder.write('src/plugin.ts', withRegulars)
  expect(await run(folder, TSC, [])).toContain(`'customer' is possibly 'null'`)
  expect(normal(await run(folder, BIN, ['conformance']))).toContain(shown('npx souk-plugin conformance').trim())

  folder.write('src/plugin.ts', withRegulars.replace('customer.groups', 'customer?.groups'))
  folder.write('fixtures/six-bags-of-two-sorts.json', sixBags!.replace('    ]\n  },', '    ],\n    "customer": null\n  },'))
  folder.write('fixtures/a-regular-needs-three.json', regularNeedsThree!)
  expect(normal(await run(folder, BIN, ['test', '--update']))).toMatch(
    /ok {4}a-regular-needs-three[\s\S]*ok {4}six-bags-of-two-sorts[\s\S]*\nmeets discount@#/,
  )
  expect(await run(folder, '--test', ['test/**/*.test.ts'])).toMatch(/fail 0/)
})

/** The code blocks of a language, in their order. */
function blocks(language: string): string[] {
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, code]) => code!)
}

/** What the page shows after a command, up to the next one, with numbers left open. */
function shown(command: string): string {
  const session = blocks('console').join('')
  const from = session.indexOf(`$ ${command}\n`)
  if (from < 0) throw new Error(`the tutorial does not run ${command}`)
  const rest = session.slice(from + command.length + 3)
  const next = rest.search(/^\$ /m)
  return normal(next < 0 ? rest : rest.slice(0, next))
}

function normal(text: string): string {
  return text
    .replaceAll(/sha256 [0-9a-f]+/g, 'sha256 #')
    .replaceAll(/\d+(\.\d+)?/g, '#')
    .replaceAll(/[ \t]+$/gm, '')
}

function run(folder: PluginFolder, program: string, parameters: string[]): Promise<string> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_|SOUK_)/.test(name)))
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...parameters], { cwd: folder.path, env }, (_error, out, errors) => resolve(out + errors))
  })
}
