import { contextOf } from './context.ts'
import type { Cell, Merchant } from './resources.ts'

const WAIT_MS = 1_500
const SUGGESTED_MAX = 100
const TAKE_CELLS = ['show', 'check', 'add', 'drain', 'open', 'retire']

type Done = (suggestions: string[]) => void
type OwnSuggestions = (done: (error: Error | null, suggestions: string[] | undefined) => void) => void

/**
 * What could follow in a shell: commands and options, and the names of cells and merchants where one belongs, if somebody is
 * signed in. It never asks for a password and never waits long.
 */
export async function completions(current: string, typed: { _: string[]; api?: string }, own: OwnSuggestions, done: Done): Promise<void> {
  const words = typed._.map(String).filter((word) => word !== 'souk')
  const known = await suggestionsOf(() => new Promise((resolve) => own((_error, found) => resolve(found ?? []))))
  const names = current.startsWith('-') ? [] : await suggestionsOf(() => namesFor(words, process.argv.slice(2), typed.api))
  done([...known, ...names])
}

async function namesFor(words: string[], line: string[], api: string | undefined): Promise<string[]> {
  const { platform } = contextOf({ json: true, api })
  if (!platform.signedIn) return []
  const cellsFollow = line.at(-2) === '--to' || line.at(-2) === '--cell' || (words[0] === 'cells' && TAKE_CELLS.includes(words[1] ?? ''))
  if (cellsFollow) return (await platform.get<{ data: Cell[] }>('/v1/cells')).data.map(({ name }) => name)
  if (words[0] !== 'move' && words[0] !== 'merchants') return []
  return (await platform.list<Merchant>('/v1/merchants', SUGGESTED_MAX)).map(({ slug }) => slug)
}

/** Nothing, if it fails or takes too long. */
async function suggestionsOf(find: () => Promise<string[]>): Promise<string[]> {
  const late = new Promise<string[]>((resolve) => setTimeout(resolve, WAIT_MS, []).unref())
  return Promise.race([find().catch(() => []), late])
}
