import { createHash } from 'node:crypto'
import { BUNDLES_KEPT_BYTES_MAX, ISOLATES_MAX } from './limits.ts'
import { PluginIsolate } from './plugin-isolate.ts'

/** Whose isolate it is. Two merchants never share one, nor two configurations of one plugin. */
export interface IsolateKey {
  merchantId: string
  digest: string
  /** JSON. */
  configuration: string
}

/** The warm isolates of one runner, least recently used first, and the sources they were made from. */
export class IsolateCache {
  readonly #isolates = new Map<string, PluginIsolate>()
  readonly #sources = new Map<string, string>()
  #sourceBytes = 0
  #blank: PluginIsolate | undefined

  get size(): number {
    return this.#isolates.size
  }

  find(key: IsolateKey): PluginIsolate | undefined {
    const name = nameOf(key)
    const found = this.#isolates.get(name)
    if (found === undefined) return undefined
    this.#isolates.delete(name)
    this.#isolates.set(name, found)
    return found
  }

  add(key: IsolateKey, isolate: PluginIsolate): void {
    this.#isolates.set(nameOf(key), isolate)
    if (this.#isolates.size > ISOLATES_MAX) this.#dropOldest()
  }

  remove(key: IsolateKey): void {
    this.#isolates.get(nameOf(key))?.dispose()
    this.#isolates.delete(nameOf(key))
  }

  /** Gives half of the isolates up, the ones that rested longest. */
  shrink(): void {
    for (let left = Math.ceil(this.#isolates.size / 2); left > 0; left--) this.#dropOldest()
  }

  /** An isolate with nothing in it but the prelude: the one kept ready, if there is one. */
  takeBlank(): PluginIsolate {
    const blank = this.#blank ?? new PluginIsolate()
    this.#blank = undefined
    return blank
  }

  get hasBlank(): boolean {
    return this.#blank !== undefined
  }

  keepBlank(): void {
    this.#blank ??= new PluginIsolate()
  }

  source(digest: string): string | undefined {
    return this.#sources.get(digest)
  }

  keepSource(digest: string, source: string): void {
    if (this.#sources.has(digest)) return
    this.#sources.set(digest, source)
    this.#sourceBytes += source.length
    for (const [oldest, text] of this.#sources) {
      if (this.#sourceBytes <= BUNDLES_KEPT_BYTES_MAX) break
      this.#sources.delete(oldest)
      this.#sourceBytes -= text.length
    }
  }

  #dropOldest(): void {
    const [oldest] = this.#isolates.keys()
    if (oldest === undefined) return
    this.#isolates.get(oldest)!.dispose()
    this.#isolates.delete(oldest)
  }
}

function nameOf({ merchantId, digest, configuration }: IsolateKey): string {
  return `${merchantId} ${digest} ${createHash('sha1').update(configuration).digest('base64')}`
}
