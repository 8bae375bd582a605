import { newId } from '@souk/core/ids.ts'
import { Refusal } from '@souk/core/refusal.ts'
import type { PlatformSql } from './platform-sql.ts'

/** Something the platform has stopped: a bundle, a plugin by name, a merchant's plugins, or what fits all of those it names. */
export interface StoredBlock {
  id: string
  digest: string | null
  plugin: string | null
  merchantId: string | null
  reason: string
  blockedAt: Date
  liftedAt: Date | null
}

const FOREIGN_KEY_VIOLATION = '23503'

/** The kill switch. Every API and worker process hears of a change at once and asks the plugin no more. */
export class PluginBlocks {
  readonly #sql: PlatformSql

  constructor(sql: PlatformSql) {
    this.#sql = sql
  }

  /** Stops what fits. Refuses `not_found` for a merchant there is not. */
  async add(
    block: Pick<StoredBlock, 'digest' | 'plugin' | 'merchantId' | 'reason'>,
    by: { adminId: string; now: Date },
  ): Promise<StoredBlock> {
    const id = newId(by.now)
    try {
      const [row] = await this.#sql<StoredBlock[]>`
        with audited as (
          insert into platform.audit (admin_id, action, merchant_id, data, occurred_at)
          values (${by.adminId}, 'plugin.block', ${block.merchantId}, jsonb_build_object('block', ${id}::text, 'digest', ${block.digest}::text,
            'plugin', ${block.plugin}::text, 'reason', ${block.reason}::text), ${by.now})
        )
        insert into platform.plugin_block (id, digest, plugin, merchant_id, reason, blocked_by, blocked_at)
        values (${id}, ${block.digest}, ${block.plugin}, ${block.merchantId}, ${block.reason}, ${by.adminId}, ${by.now})
        returning id, digest, plugin, merchant_id as "merchantId", reason, blocked_at as "blockedAt", lifted_at as "liftedAt"`
      return row!
    } catch (error) {
      if ((error as { code?: string }).code !== FOREIGN_KEY_VIOLATION) throw error
      const errors = [{ pointer: '/merchant_id', code: 'not_found' }]
      throw new Refusal('not_found', { detail: 'There is no such merchant.', errors })
    }
  }

  /** The newest first; those that were lifted too. */
  async list(page: { before: string | undefined; limit: number }): Promise<StoredBlock[]> {
    return this.#sql<StoredBlock[]>`
      select id, digest, plugin, merchant_id as "merchantId", reason, blocked_at as "blockedAt", lifted_at as "liftedAt"
      from platform.plugin_block
      where ${page.before ?? null}::uuid is null or id < ${page.before ?? null}::uuid
      order by id desc limit ${page.limit}`
  }

  /** Lets it run again. Lifting twice changes nothing. */
  async lift(id: string, by: { adminId: string; now: Date }): Promise<StoredBlock> {
    await this.#sql`
      with lifted as (
        update platform.plugin_block set lifted_by = ${by.adminId}, lifted_at = ${by.now} where id = ${id} and lifted_at is null
        returning id, merchant_id
      )
      insert into platform.audit (admin_id, action, merchant_id, data, occurred_at)
      select ${by.adminId}, 'plugin.unblock', merchant_id, jsonb_build_object('block', id), ${by.now} from lifted`
    const [row] = await this.#sql<StoredBlock[]>`
      select id, digest, plugin, merchant_id as "merchantId", reason, blocked_at as "blockedAt", lifted_at as "liftedAt"
      from platform.plugin_block where id = ${id}`
    if (!row) throw new Refusal('not_found', { detail: 'There is no such block.' })
    return row
  }
}
