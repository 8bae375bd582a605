import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type ApiMerchant, createTestApi, type TestApi } from '../testing/api.ts'

let api: TestApi
let shop: ApiMerchant
let other: ApiMerchant
let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'souk-media-'))
  api = await createTestApi({ mediaDir: folder })
  shop = await api.addMerchant()
  other = await api.addMerchant()
  mkdirSync(join(folder, shop.merchant.slug, 'deeper.svg'), { recursive: true })
  writeFileSync(join(folder, shop.merchant.slug, 'cup.svg'), '<svg/>')
  writeFileSync(join(folder, 'secret.svg'), 'secret')
  mkdirSync(join(folder, other.merchant.slug))
  symlinkSync(join(folder, shop.merchant.slug, 'cup.svg'), join(folder, other.merchant.slug, 'linked.svg'))
})
afterAll(async () => {
  await api.close()
  rmSync(folder, { recursive: true })
})

const get = (file: string, host = shop.host) => api.app.inject({ url: `/media/${file}`, headers: { host } })

it("serves a shop's own pictures, as pictures and nothing else", async () => {
  const answer = await get('cup.svg')
  expect([answer.statusCode, answer.body]).toEqual([200, '<svg/>'])
  expect(answer.headers).toMatchObject({
    'content-type': 'image/svg+xml',
    'x-content-type-options': 'nosniff',
    'content-security-policy': expect.stringContaining("default-src 'none'"),
    'cache-control': 'public, max-age=86400',
  })
  expect((await get('linked.svg', other.host)).statusCode).toBe(200)
})

it.each([
  ["another shop's", 'cup.svg', () => other.host, 404],
  ['one that is not there', 'none.svg', () => shop.host, 404],
  ['a folder', 'deeper.svg', () => shop.host, 404],
  ['one further up', '..%2fsecret.svg', () => shop.host, 400],
  ['one further up in disguise', '%2e%2e%2fsecret.svg', () => shop.host, 400],
  ['a hidden one', '.env.svg', () => shop.host, 400],
  ['what is no picture', 'keys.json', () => shop.host, 400],
  ['a name with a NUL', 'cup.svg%00.png', () => shop.host, 400],
])('does not serve %s', async (_name, file, host, status) => {
  expect((await get(file, host())).statusCode).toBe(status)
})
