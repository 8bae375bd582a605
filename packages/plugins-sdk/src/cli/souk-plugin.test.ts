import { execFile } from 'node:child_process'
import { existsSync, globSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { CONTRACT_NAMES } from '../contracts/contract.ts'
import { fixtureText, readFixture } from '../kit/fixture.ts'
import { FakeShop } from '../testing/fake-shop.ts'
import { PluginFolder } from '../testing/plugin-folder.ts'

// The command as it is published: bin/ and dist/, in a folder outside the repository.

vi.setConfig({ testTimeout: 180_000 })

const BIN = join(import.meta.dirname, '../../bin/souk-plugin.mjs')
const TSC = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')

interface Ended {
  code: number
  out: string
}

function souk(folder: PluginFolder, parameters: string[], environment: Record<string, string> = {}): Promise<Ended> {
  const env = { ...process.env, SOUK_SHOP: '', SOUK_API_KEY: '', ...environment }
  for (const name of ['SOUK_SHOP', 'SOUK_API_KEY'] as const) if (env[name] === '') delete env[name]
  return new Promise((resolve) => {
    execFile(process.execPath, [BIN, ...parameters], { cwd: folder.path, env, timeout: 60_000 }, (error, out, errors) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), out: out + errors })
    })
  })
}

/** A new plugin as `init` makes it. */
async function started(point = 'discount', name = 'my-discount'): Promise<PluginFolder> {
  const folder = new PluginFolder()
  const { code, out } = await souk(folder, ['init', name, '--point', point])
  expect([code, out]).toEqual([0, expect.stringContaining(`${name} is a ${point} plugin`)])
  folder.copyFrom(join(folder.path, name))
  return folder
}

describe.each(CONTRACT_NAMES)('init --point %s', (point) => {
  test('makes a plugin whose fixtures and conformance pass, and whose own tests pass', async () => {
    using folder = await started(point, `first-${point}`)
    expect(JSON.parse(readFileSync(join(folder.path, 'package.json'), 'utf8'))).toMatchObject({
      name: `first-${point}`,
      devDependencies: { '@souk/plugins-sdk': '^1.0.0' },
    })
    expect(readdirSync(folder.path)).toContain('.gitignore')
    expect(
      globSync('**/*.{ts,json,md}', { cwd: folder.path, exclude: ['node_modules'] }).filter((file) =>
        readFileSync(join(folder.path, file), 'utf8').includes('my-plugin'),
      ),
    ).toEqual([])
    const { code, out } = await souk(folder, ['test'])
    expect(out).toContain(`meets ${point}@1 (1.0.0)`)
    expect(out).not.toContain('FAIL')
    expect(code).toBe(0)
    expect(await node(folder, [TSC])).toEqual({ code: 0, out: '' })
    expect(await node(folder, ['--test', 'test/**/*.test.ts'])).toMatchObject({ code: 0, out: expect.stringMatching(/pass 2/) })
  })
})

function node(folder: PluginFolder, parameters: string[]): Promise<Ended> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_)/.test(name)))
  return new Promise((resolve) => {
    execFile(process.execPath, parameters, { cwd: folder.path, env }, (error, out, errors) => {
      resolve({ code: error === null ? 0 : 1, out: out + errors })
    })
  })
}

test('init does not write into a folder that holds something, and does not take every name', async () => {
  using folder = new PluginFolder({ 'taken/file.txt': 'mine' })
  expect(await souk(folder, ['init', 'taken'])).toMatchObject({ code: 1, out: expect.stringContaining('is not empty') })
  expect(await souk(folder, ['init', 'My Plugin'])).toMatchObject({ code: 1, out: expect.stringContaining('cannot be the name') })
  expect((await souk(folder, ['init', 'x-plugin', '--point', 'payment'])).code).toBe(1)
})

describe('test', () => {
  test('fails with what differs, and --update writes what is answered', async () => {
    using folder = await started()
    const file = join(folder.path, 'fixtures/one-line-earns-it.json')
    writeFileSync(file, readFileSync(file, 'utf8').replace('5 % off', '6 % off'))
    const failed = await souk(folder, ['test', '--fixtures-only'])
    expect(failed.code).toBe(1)
    expect(failed.out).toContain('/operations/0/message: expected "6 % off from 10 units", got "5 % off from 10 units"')
    expect((await souk(folder, ['test', '--fixtures-only', '--update'])).code).toBe(0)
    expect(readFileSync(file, 'utf8')).toContain('5 % off')
    expect(readFileSync(file, 'utf8')).toBe(fixtureText(readFixture(file)))
  })

  test('prints time and shares of the limits', async () => {
    using folder = await started()
    const { out } = await souk(folder, ['test', '--fixtures-only'])
    expect(out).toMatch(
      /ok {4}empty-cart +discount@1\.run {2}\d+\.\d\d ms \(\d+\.\d % of 50 ms\), heap \d+\.\d MB \(\d+\.\d %\), answer 17 B \(0\.1 %\)/,
    )
  })
})

describe('build', () => {
  test('writes one script and its manifest, the same bytes in any folder', async () => {
    using one = await started()
    using other = await started()
    const outs = [await souk(one, ['build']), await souk(other, ['build'])].map(({ out }) => out)
    expect(outs[0]).toMatch(/^my-discount 1\.0\.0 {2}\d+ bytes \(0\.\d % of the limit\) {2}sha256 [0-9a-f]{64}\nwritten to dist\/$/m)
    expect(outs[1]).toBe(outs[0])
    expect(readFileSync(join(one.path, 'dist/bundle.js'), 'utf8')).not.toMatch(/\bimport\b|require\(/)
  })

  test('says in one sentence what a sandbox would refuse', async () => {
    using folder = await started()
    const file = join(folder.path, 'src/plugin.ts')
    writeFileSync(
      file,
      readFileSync(file, 'utf8').replace('const earned', 'const later = async () => 1\n      later()\n      const earned'),
    )
    expect(await souk(folder, ['build'])).toEqual({
      code: 1,
      out: expect.stringMatching(
        /^A shop would not load this bundle: a plugin may not contain an async function \(line 1, column \d+\)\n$/,
      ),
    })
    expect(existsSync(join(folder.path, 'dist'))).toBe(false)
  })
})

describe('dev', () => {
  test('--once runs and ends, with 1 when something failed', async () => {
    using folder = await started()
    expect(await souk(folder, ['dev', '--once', '--fixture', 'fixtures/empty-cart.json'])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/built in \d+ ms\nok {4}empty-cart/),
    })
    writeFileSync(join(folder.path, 'src/plugin.ts'), 'const x = ;')
    expect(await souk(folder, ['dev', '--once'])).toMatchObject({ code: 1, out: expect.stringContaining('src/plugin.ts:1:11') })
  })

  test('runs again when a file changes', async () => {
    using folder = await started()
    const child = execFile(process.execPath, [BIN, 'dev'], { cwd: folder.path })
    let out = ''
    const seen = (text: string) =>
      new Promise<void>((resolve) => {
        const look = () => out.includes(text) && resolve()
        child.stdout!.on('data', look)
        look()
      })
    child.stdout!.on('data', (chunk: string) => (out += chunk))
    try {
      await seen('Watching')
      const file = join(folder.path, 'src/plugin.ts')
      writeFileSync(file, readFileSync(file, 'utf8').replace('% off from', '% less from'))
      await seen('got "5 % less from 10 units"')
      expect(out.match(/built in/g)!.length).toBeGreaterThanOrEqual(2)
    } finally {
      child.kill()
    }
  })
})

describe('with a shop', () => {
  let shop: FakeShop
  let environment: Record<string, string>
  beforeAll(async () => {
    shop = await FakeShop.start()
    environment = { SOUK_SHOP: shop.url, SOUK_API_KEY: shop.key }
  })
  afterAll(() => shop.close())

  test('push, install, roll out, logs, save, replay', async () => {
    using folder = await started()
    const run = (...parameters: string[]) => souk(folder, parameters, environment)

    expect(await run('push')).toMatchObject({ code: 0, out: expect.stringContaining('pushed my-discount 1.0.0') })
    expect(shop.seen.at(-1)).toMatchObject({
      method: 'POST',
      host: new URL(shop.url).host,
      idempotencyKey: expect.stringMatching(/^[0-9a-f-]{36}$/),
    })
    expect(shop.seen.at(-1)!.body).toMatchObject({
      manifest: { name: 'my-discount' },
      bundle: readFileSync(join(folder.path, 'dist/bundle.js'), 'utf8'),
    })

    writeFileSync(join(folder.path, 'set.json'), '{"quantity":3}')
    const installed = await run('install', '--configuration', 'set.json', '--failure-policy', 'refuse')
    expect(installed.out).toContain('my-discount 1.0.0 (1.0.0) is active')
    expect(installed.out).toContain('discount: place 1, on failure refuse')
    expect(shop.seen.at(-1)!.body).toEqual({
      plugin: 'my-discount',
      version: '1.0.0',
      configuration: { quantity: 3 },
      providers: [{ point: 'discount', failure_policy: 'refuse' }],
    })

    expect((await run('install', '--range', '^1', '--rollout', '10')).out).toContain('^1 for 10 % of buyers')
    expect(shop.seen.at(-1)).toMatchObject({ method: 'PATCH', body: { version: '^1', rollout_percent: '10' } })

    await run('install', '--configuration', 'set.json')
    expect(shop.seen.at(-1)).toMatchObject({ method: 'PATCH', body: { configuration: { quantity: 3 } } })
    expect(shop.seen.at(-1)!.body).not.toHaveProperty('version')

    const logs = await run('logs')
    expect(logs.out).toContain(`${shop.callId}  1.0.0  run  ok  0.34 ms, 0.21 ms of CPU`)
    expect(logs.out).toContain(`${shop.failedId}  1.0.0  run  failed  0.34 ms, 0.21 ms of CPU  threw: Error: no such tier`)
    expect((await run('logs', '--failed')).out).not.toContain(shop.callId)

    shop.recordedOutput = { operations: [{ message: '5 % off from 10 units', line_id: 'l1', value: { percentage: '5' }, type: 'line' }] }
    await run('logs', '--save', 'fixtures')
    const saved = join(folder.path, `fixtures/call-${shop.callId}.json`)
    expect(readFileSync(saved, 'utf8')).toBe(fixtureText(readFixture(saved)))
    expect(await run('test', '--fixtures-only')).toMatchObject({ code: 0 })

    expect(await run('replay', shop.callId, saved)).toMatchObject({ code: 0, out: expect.stringMatching(/ok .*\nok /) })
    shop.recordedOutput = { operations: [] }
    expect(await run('replay', shop.callId)).toMatchObject({ code: 1, out: expect.stringContaining('/operations/0: expected nothing') })
    expect(await run('dev', '--once', '--call', shop.failedId)).toMatchObject({ code: 0 })
  })

  test('what a shop refuses is printed with its reason, and nothing else', async () => {
    using folder = await started()
    const without = await souk(folder, ['push'])
    expect(without).toEqual({ code: 1, out: 'Which shop? Give --shop or set SOUK_SHOP.\n' })
    expect((await souk(folder, ['push', '--shop', shop.url])).out).toContain('Give an API key')
    const wrong = await souk(folder, ['logs', '--shop', shop.url, '--key', 'wrong'])
    expect(wrong).toMatchObject({ code: 1, out: expect.stringMatching(/says no \(401\): Not signed in\. Is the API key right\?/) })
    const unknown = await souk(folder, ['install', 'other-plugin', '--range', '9.9.9'], environment)
    expect(unknown.code).toBe(1)
    expect((await souk(folder, ['replay', 'not-an-id'], environment)).out).toContain('is no id of a call')
    expect((await souk(folder, ['push', '--shop', 'http://nobody.localhost:1', '--key', 'k'])).out).toContain('cannot be reached')
    expect((await souk(folder, ['push', '--shop', 'kaffa', '--key', 'k'])).out).toContain('is no address')
  })
})
