import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { linkPictures, readCatalog, readDemoShops } from './demo-shops.ts'

test('every picture of every demo catalogue is a file that the shop serves', () => {
  const folder = mkdtempSync(join(tmpdir(), 'souk-media-'))
  try {
    linkPictures(folder)
    // Again, as a second start does.
    linkPictures(folder)
    for (const shop of readDemoShops()) {
      const address = `http://${shop.slug}.localhost:4000`
      const { csv } = readCatalog(shop, address)
      expect(csv).not.toContain('demo-media.invalid')
      const files = [...csv.matchAll(new RegExp(`${address}/media/([^,"\\s]+)`, 'g'))].map(([, file]) => file as string)
      expect(files.length).toBeGreaterThan(40)
      expect(files.filter((file) => !existsSync(join(folder, shop.slug, file)))).toEqual([])
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('a catalogue for another port is another content', () => {
  const [shop] = readDemoShops()
  const [first, again, other] = [4000, 4000, 4001].map((port) => readCatalog(shop!, `http://kaffa.localhost:${port}`).fileName)
  expect(again).toBe(first)
  expect(other).not.toBe(first)
})
