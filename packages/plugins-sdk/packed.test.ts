import { execFile } from 'node:child_process'
import { cpSync, existsSync, globSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

// The SDK as an author has it: a tarball, installed by npm into a folder that knows nothing of this repository. The examples are copied
// there and tested with it. Without a registry (npm's cache is used first) there is nothing to install from, and the tests say so.

const root = import.meta.dirname
const examples = join(root, '../../examples/plugins')
const EXAMPLES = readdirSync(examples)
const INSTALL_MS_MAX = 180_000
const NO_REGISTRY = /ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ETIMEDOUT|ECONNRESET|ENOTCACHED|network/i

const folder = mkdtempSync(join(tmpdir(), 'souk-packed-'))
const home = join(folder, 'home')
let noRegistry = ''
let files: string[] = []

beforeAll(async () => {
  const packed = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], root)
  const [{ filename, files: listed }] = JSON.parse(packed.out.slice(packed.out.indexOf('['))) as [
    { filename: string; files: { path: string }[] },
  ]
  files = listed.map(({ path }) => path)
  mkdirSync(home)
  const types = versionOf('@types/node')
  const dependencies = { '@souk/plugins-sdk': `file:../${filename}`, 'isolated-vm': '7.0.1', '@types/node': types }
  writeFileSync(join(home, 'package.json'), JSON.stringify({ private: true, type: 'module', dependencies }))
  const installed = await run(
    'npm',
    ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', '--fetch-retries=1'],
    home,
  )
  if (installed.code !== 0 && NO_REGISTRY.test(installed.errors))
    noRegistry = `skipped: no npm registry can be reached (${installed.errors.split('\n')[0]})`
  else if (installed.code !== 0) throw new Error(installed.errors)
}, INSTALL_MS_MAX)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('the tarball holds what is published and nothing else', () => {
  expect(files).toEqual(
    expect.arrayContaining([
      'bin/souk-plugin.mjs',
      'dist/plugin.mjs',
      'dist/plugin.d.mts',
      'dist/sandbox/runner.mjs',
      'contracts/discount@1.json',
    ]),
  )
  expect(files.filter((file) => /^(src|golden)\/|^[^/]*\.test\.ts$|\.tgz$/.test(file))).toEqual([])
  expect(new Set(files.map((file) => file.split('/')[0]))).toEqual(new Set(['bin', 'contracts', 'dist', 'package.json', 'templates']))
})

test('every entry point is there, with its types', async (context) => {
  if (noRegistry) return context.skip(noRegistry)
  const script = `
    const { definePlugin, percentOf } = await import('@souk/plugins-sdk')
    const { callPlugin, conformance } = await import('@souk/plugins-sdk/testing')
    const { CONTRACT_IDS, manifestSchema } = await import('@souk/plugins-sdk/contracts')
    const { default: json } = await import('@souk/plugins-sdk/contracts/discount@1.json', { with: { type: 'json' } })
    console.log([definePlugin, percentOf, callPlugin, conformance, manifestSchema.parse].map((one) => typeof one).join(), CONTRACT_IDS.length, json.contract)`
  const { out, errors } = await run(process.execPath, ['--input-type=module', '-e', script], home)
  expect([out.trim(), errors]).toEqual(['function,function,function,function,function 4 discount@1', ''])
  const { exports } = JSON.parse(readFileSync(join(home, 'node_modules/@souk/plugins-sdk/package.json'), 'utf8')) as {
    exports: Record<string, string | { types: string; default: string }>
  }
  for (const entry of Object.values(exports)) {
    if (typeof entry === 'string') continue
    for (const file of [entry.types, entry.default]) expect(existsSync(join(home, 'node_modules/@souk/plugins-sdk', file)), file).toBe(true)
  }
})

describe.each(EXAMPLES)('examples/plugins/%s', (name) => {
  const copy = join(home, name)

  beforeAll(() => cpSync(join(examples, name), copy, { recursive: true, filter: (path) => !/node_modules|\/dist(\/|$)/.test(path) }))

  test('imports the published entry points and nothing else of this repository', () => {
    const imports = globSync('{src,test}/**/*.ts', { cwd: copy }).flatMap((file) =>
      [...readFileSync(join(copy, file), 'utf8').matchAll(/from '([^'.][^']*)'/g)].map(([, from]) => from),
    )
    expect(imports.filter((from) => !/^node:|^@souk\/plugins-sdk(\/testing)?$/.test(from ?? ''))).toEqual([])
  })

  test('type-checks, passes its fixtures and conformance, and its own tests', async (context) => {
    if (noRegistry) return context.skip(noRegistry)
    const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
    expect(await run(process.execPath, [tsc, '-p', copy], copy)).toMatchObject({ code: 0, out: '' })
    const command = join(home, 'node_modules/@souk/plugins-sdk/bin/souk-plugin.mjs')
    const tried = await run(process.execPath, [command, 'test'], copy)
    expect(tried.out + tried.errors).toMatch(/^meets /m)
    expect(tried.out).not.toMatch(/FAIL|NOT MEET/)
    expect(tried.code).toBe(0)
    const own = await run(process.execPath, ['--test', 'test/**/*.test.ts'], copy)
    expect(own.out).toMatch(/fail 0/)
    expect(own.code).toBe(0)
  })

  test('has the same digest as when it is built in the repository', async (context) => {
    if (noRegistry) return context.skip(noRegistry)
    const digest = async (at: string, bin: string) =>
      /sha256 (\w+)/.exec((await run(process.execPath, [bin, 'test', '--fixtures-only'], at)).out)?.[1]
    const inside = await digest(join(examples, name), join(root, 'bin/souk-plugin.mjs'))
    expect(inside).toMatch(/^[0-9a-f]{64}$/)
    expect(await digest(copy, join(home, 'node_modules/@souk/plugins-sdk/bin/souk-plugin.mjs'))).toBe(inside)
  })
})

function run(program: string, parameters: string[], cwd: string): Promise<{ code: number; out: string; errors: string }> {
  // Neither vitest's nor a surrounding npm's settings are the author's; whom the machine trusts is.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_(?!EXTRA_CA_CERTS)|npm_)/.test(name)))
  return new Promise((resolve) => {
    execFile(program, parameters, { cwd, env, maxBuffer: 10_000_000 }, (error, out, errors) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), out, errors })
    })
  })
}

function versionOf(name: string): string {
  return (JSON.parse(readFileSync(createRequire(import.meta.url).resolve(`${name}/package.json`), 'utf8')) as { version: string }).version
}
