import type { Argv } from 'yargs'
import { readSettings } from './config.ts'
import { PlainError } from './plain-error.ts'
import { Platform } from './platform.ts'
import type { Merchant } from './resources.ts'
import { Terminal } from './terminal.ts'

/** What every command is run with. */
export interface Context {
  platform: Platform
  terminal: Terminal
}

/** The options that every command has. */
export interface GlobalOptions {
  json: boolean
  api: string | undefined
}

export type Souk = Argv<GlobalOptions>

export function contextOf({ json, api }: GlobalOptions): Context {
  const terminal = new Terminal(json)
  return { terminal, platform: new Platform(readSettings(api), (email) => terminal.askCredentials(email)) }
}

/** Commands that change something say first what they would do. */
export const dryRun = { type: 'boolean', default: false, describe: 'Say what would be done, and do nothing' } as const
export const yes = { type: 'boolean', default: false, describe: 'Do it without asking' } as const

/** Lists that grow without end show so many, the newest. */
export const LISTED_MAX = 200
export const ofMerchant = { type: 'string', describe: 'Only of this one: slug or id' } as const

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** The merchant with this slug or id. */
export async function findMerchant({ platform }: Context, named: string): Promise<Merchant> {
  if (UUID.test(named)) return platform.get<Merchant>(`/v1/merchants/${named}`)
  const { data } = await platform.get<{ data: Merchant[] }>(`/v1/merchants?slug=${encodeURIComponent(named)}`)
  if (!data[0]) throw new PlainError(`There is no merchant with the slug "${named}". \`souk merchants\` lists them.`)
  return data[0]
}

/** Refuses the name of a cell that there is not: nothing would be found of it, and nobody told why. */
export async function assertCell({ platform }: Context, named: string | undefined): Promise<void> {
  if (named !== undefined) await platform.get(`/v1/cells/${encodeURIComponent(named)}`)
}

/** The newest of what there is at a path, of all merchants or of the one that is named. */
export async function listOf<Item>(context: Context, path: string, named: string | undefined): Promise<Item[]> {
  const only = named === undefined ? undefined : await findMerchant(context, named)
  return context.platform.list<Item>(`${path}${only ? `?merchant_id=${only.id}` : ''}`, LISTED_MAX)
}
