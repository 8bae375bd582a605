import type postgres from 'postgres'

export interface PluginBlock {
  digest: string | null
  plugin: string | null
  merchant_id: string | null
}

const REFRESH_EVERY_MS = 5_000

/**
 * What the platform has stopped, held in memory and heard of by LISTEN; read again every five seconds besides, so that a
 * lost message costs no more than that. A block names a bundle, a plugin, a merchant, or those together: all that it
 * names must fit.
 */
export class PluginBlocks {
  readonly #sql: postgres.Sql<{ bigint: bigint }>
  #blocks: readonly PluginBlock[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(sql: postgres.Sql<{ bigint: bigint }>) {
    this.#sql = sql
  }

  /** Reads the list and hears of changes from now on. */
  async listen(): Promise<void> {
    await this.#sql.listen('souk_plugin_blocks', () => this.#refresh().catch(() => {}))
    await this.#refresh()
    // A failure leaves the list as it was; the next round asks again.
    this.#timer = setInterval(() => this.#refresh().catch(() => {}), REFRESH_EVERY_MS).unref()
  }

  isBlocked({ merchantId, plugin, digest }: { merchantId: string; plugin: string; digest: string }): boolean {
    return this.#blocks.some(
      (block) =>
        (block.digest === null || block.digest === digest) &&
        (block.plugin === null || block.plugin === plugin) &&
        (block.merchant_id === null || block.merchant_id === merchantId),
    )
  }

  close(): void {
    clearInterval(this.#timer)
  }

  async #refresh(): Promise<void> {
    this.#blocks = await this.#sql<PluginBlock[]>`select digest, plugin, merchant_id from platform.plugin_blocks()`
  }
}
