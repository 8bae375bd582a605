import type postgres from 'postgres'
import { allRows, hashesOf, idsIn } from './all-rows.ts'
import type { FullShop } from './twin-shops.ts'

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
// Also where one begins within another's last group.
const IDS = /(?=([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}))/g

/** What must never be heard. Thousands of ids and a few words: every message is searched once for ids, and once for each word. */
export class Secrets {
  readonly #ids: ReadonlySet<string>
  readonly #words: readonly string[]

  constructor(secrets: Iterable<string>) {
    const all = new Set(secrets)
    this.#ids = new Set([...all].filter((secret) => ID.test(secret)))
    this.#words = [...all].filter((secret) => !ID.test(secret))
  }

  /** Everything of `other` that is not of `self` too: ids, marked texts, tokens and hashes. */
  static async of(rows: postgres.Sql, other: FullShop, self: FullShop): Promise<Secrets> {
    const own = idsIn(await allRows(rows, self.merchant.id))
    const ids = [...idsIn(await allRows(rows, other.merchant.id))].filter((id) => !own.has(id))
    return new Secrets([...ids, other.canary, ...Object.values(other.credentials), ...(await hashesOf(rows, other.merchant.id))])
  }

  get size(): number {
    return this.#ids.size + this.#words.length
  }

  /** What a message says that is secret. */
  in(message: string): string[] {
    const ids = [...message.matchAll(IDS)].map((match) => match[1]!).filter((id) => this.#ids.has(id))
    return [...ids, ...this.#words.filter((word) => message.includes(word))]
  }
}
