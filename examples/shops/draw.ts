import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { catalogueOf } from './draw/catalogue.ts'
import { hibiki } from './hibiki/shop.ts'
import { kaffa } from './kaffa/shop.ts'
import { northpaw } from './northpaw/shop.ts'

/**
 * Writes products.csv and images/ of every demo shop from the product lists beside them; the same lists give the same bytes.
 * With `--check` nothing is written: it exits 1 when what lies on the disk is not what the lists say.
 */
const checking = process.argv.includes('--check')
const here = import.meta.dirname
let differences = 0

for (const shop of [kaffa, northpaw, hibiki]) {
  const { csv, images } = catalogueOf(shop)
  const folder = join(here, shop.slug, 'images')
  if (!checking) mkdirSync(folder, { recursive: true })
  put(join(here, shop.slug, 'products.csv'), csv)
  for (const [file, svg] of images) put(join(folder, file), svg)
  for (const file of readdirSync(folder)) if (!images.has(file)) drop(join(folder, file))
  console.log(`${shop.slug}: ${shop.products.length} products, ${csv.split('\n').length} lines of CSV, ${images.size} pictures`)
}

if (checking && differences > 0) {
  console.error(`${differences} files differ: run node examples/shops/draw.ts`)
  process.exit(1)
}

function put(path: string, content: string): void {
  if (read(path) === content) return
  differences += 1
  if (!checking) writeFileSync(path, content)
}

function drop(path: string): void {
  differences += 1
  if (!checking) rmSync(path)
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
