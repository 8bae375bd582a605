import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'

/** `directory` once per deployment, `cell` in every database that holds merchants. One database may hold both. */
export type MigrationSet = 'directory' | 'cell'

/**
 * What a file does to programs of the release before: an `expand` leaves them working, a `contract` takes away what only
 * they still used, and waits until they are gone. Said in the file's head: `-- phase: contract`.
 */
export type MigrationPhase = 'expand' | 'contract'

export interface MigrationFile {
  set: MigrationSet
  name: string
  /** Its place in its set, from 1. A database's version is the number of its newest file. */
  number: number
  phase: MigrationPhase
  /** False for `-- transaction: none`: each statement for itself, as `create index concurrently` has to be. */
  transaction: boolean
  checksum: string
  text: string
}

/** By set: the newest file a database has, or a program was written for. */
export type SchemaVersion = Record<MigrationSet, number>

/** The files of a set in their order. Refuses names out of order and heads that say what nobody understands. */
export async function readMigrations(set: MigrationSet, folder: URL = new URL('./', import.meta.url)): Promise<MigrationFile[]> {
  const inSet = new URL(`${set}/`, folder)
  const names = (await readdir(inSet)).filter((name) => name.endsWith('.sql')).sort()
  return Promise.all(
    names.map(async (name, index) => {
      const number = Number(/^(\d{4})_[a-z0-9_]+\.sql$/.exec(name)?.[1])
      if (number !== index + 1) throw new Error(`Migration ${set}/${name}: files are numbered 0001_, 0002_, ... without a gap.`)
      return parseMigration(set, name, await readFile(new URL(name, inSet), 'utf8'))
    }),
  )
}

export function parseMigration(set: MigrationSet, name: string, text: string): MigrationFile {
  const head = readHead(`${set}/${name}`, text)
  if (/^\s*(begin|commit|rollback)\s*;/im.test(text)) throw new Error(`Migration ${set}/${name}: each file is one transaction already.`)
  return { set, name, number: Number(name.slice(0, 4)), ...head, text, checksum: createHash('sha256').update(text).digest('hex') }
}

const HEAD_WORDS: Record<string, string[]> = { phase: ['expand', 'contract'], transaction: ['one', 'none'] }

/** The comment that a file begins with, as far as it says `-- word: value`. */
function readHead(file: string, text: string): Pick<MigrationFile, 'phase' | 'transaction'> {
  const lines = text.split('\n')
  const end = lines.findIndex((line) => !line.startsWith('--'))
  const said: Record<string, string> = {}
  for (const line of end < 0 ? lines : lines.slice(0, end)) {
    const [, word = '', value = ''] = /^-- (phase|transaction):\s*(.*?)\s*$/.exec(line) ?? []
    if (word === '') continue
    if (!HEAD_WORDS[word]?.includes(value))
      throw new Error(`Migration ${file}: "${word}: ${value}" means nothing; one of ${HEAD_WORDS[word]?.join(', ')} does.`)
    said[word] = value
  }
  return { phase: said.phase === 'contract' ? 'contract' : 'expand', transaction: said.transaction !== 'none' }
}
