import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { extract } from 'tar-stream'
import {
  ArchiveUnusable,
  CHECKSUMS,
  type Checksums,
  checksumsSchema,
  MANIFEST,
  type Manifest,
  manifestSchema,
  readEntryName,
} from './archive-format.ts'

export interface ArchiveEntry {
  name: string
  content: Buffer
}

// The largest that is written: a part with one very large row, or a picture.
const ENTRY_BYTES_MAX = 256 * 1024 * 1024

/**
 * Reads a whole archive and holds every entry to its checksum. Throws ArchiveUnusable for one that is cut off, was changed, or
 * has in it what does not belong there.
 */
export async function checkArchive(path: string): Promise<{ manifest: Manifest; checksums: Checksums }> {
  let manifest: { content: Manifest; digest: string } | undefined
  let checksums: Checksums | undefined
  const read: Checksums['entries'] = []
  for await (const { name, content } of readEntries(path)) {
    const digest = createHash('sha256').update(content).digest('hex')
    if (checksums) throw new ArchiveUnusable(`The archive goes on after its checksums: ${name}.`)
    if (name === CHECKSUMS) checksums = parse(checksumsSchema, name, content)
    else if (!manifest) {
      if (name !== MANIFEST) throw new ArchiveUnusable('The archive does not begin with its manifest.')
      manifest = { content: parse(manifestSchema, name, content), digest }
    } else {
      if (!readEntryName(name)) throw new ArchiveUnusable(`The archive has something in it that is no part of one: ${name}.`)
      read.push({ name, bytes: content.byteLength, sha256: digest })
    }
  }
  if (!manifest || !checksums) throw new ArchiveUnusable('The archive ends before its end.')
  if (manifest.digest !== checksums.manifest) throw new ArchiveUnusable('The manifest is not the one that was written.')
  compare(read, checksums.entries)
  return { manifest: manifest.content, checksums }
}

/** What the archive says of itself, without a look at the rest. */
export async function readManifest(path: string): Promise<Manifest> {
  for await (const { name, content } of readEntries(path)) {
    if (name === MANIFEST) return parse(manifestSchema, name, content)
    break
  }
  throw new ArchiveUnusable('The archive does not begin with its manifest.')
}

/** The entries of an archive, one after the other. */
export async function* readEntries(path: string): AsyncGenerator<ArchiveEntry> {
  const entries = extract()
  const piped = pipeline(createReadStream(path), createGunzip(), entries)
  // Its failure is met below, as the entries' end.
  piped.catch(() => {})
  try {
    for await (const entry of entries) {
      const { name, size = 0 } = entry.header
      if (size > ENTRY_BYTES_MAX) throw new ArchiveUnusable(`${name} is too large.`)
      const parts: Buffer[] = []
      for await (const part of entry) parts.push(part as Buffer)
      yield { name, content: Buffer.concat(parts) }
    }
    await piped
  } catch (error) {
    if (error instanceof ArchiveUnusable || (error as NodeJS.ErrnoException).syscall !== undefined) throw error
    throw new ArchiveUnusable(`The archive cannot be read: ${(error as Error).message}`)
  } finally {
    entries.destroy()
  }
}

function compare(read: Checksums['entries'], written: Checksums['entries']): void {
  for (const [index, entry] of written.entries()) {
    const found = read[index]
    if (found?.name !== entry.name || found.bytes !== entry.bytes || found.sha256 !== entry.sha256) {
      throw new ArchiveUnusable(`${entry.name} is not what was written.`)
    }
  }
  if (read.length > written.length) throw new ArchiveUnusable(`${read[written.length]!.name} has no checksum.`)
}

function parse<T>(schema: { parse(value: unknown): T }, name: string, content: Buffer): T {
  try {
    return schema.parse(JSON.parse(content.toString('utf8')))
  } catch {
    throw new ArchiveUnusable(`${name} is not one that this version can read.`)
  }
}
