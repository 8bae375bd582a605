import { Refusal } from '@souk/core/refusal.ts'
import type { PlatformSql } from './platform-sql.ts'

/** A merchant as the directory knows it. */
export interface DirectoryMerchant {
  id: string
  slug: string
  name: string
  status: 'provisioning' | 'active' | 'suspended' | 'erasing'
  sandbox: boolean
  cell: string
  createdAt: Date
}

export interface ProvisioningRequest {
  adminId: string
  route: string
  key: string
  fingerprint: string
}

/** What an earlier request with the same key has come to. */
export interface EarlierProvisioning {
  fingerprint: string
  /** 0 while the merchant is not finished: the process died on the way, or is still at it. */
  statusCode: number
  body: string
}

const IDEMPOTENCY_KEY_DAYS = 35
const UNIQUE_VIOLATION = '23505'

/** The directory's merchants: the platform's half of their lives. Every change is one statement, audited in it. */
export class Merchants {
  readonly #sql: PlatformSql

  constructor(sql: PlatformSql) {
    this.#sql = sql
  }

  async earlier(request: ProvisioningRequest): Promise<EarlierProvisioning | undefined> {
    const [row] = await this.#sql<EarlierProvisioning[]>`
      select fingerprint, status_code as "statusCode", response_body as body from platform.idempotency_key
      where admin_id = ${request.adminId} and route = ${request.route} and key = ${request.key} and expires_at > now()`
    return row
  }

  /**
   * Takes the slug and the key together: a request that comes again with the same key finds the merchant it began. Refuses
   * `duplicate` when the slug is taken.
   */
  async begin(request: ProvisioningRequest, merchant: { id: string; slug: string; name: string; cell: string; now: Date }): Promise<void> {
    try {
      await this.#sql`
        with claimed as (
          insert into platform.idempotency_key (admin_id, route, key, fingerprint, status_code, response_body, created_at, expires_at)
          values (${request.adminId}, ${request.route}, ${request.key}, ${request.fingerprint}, 0, ${merchant.id}, ${merchant.now},
            ${merchant.now}::timestamptz + make_interval(days => ${IDEMPOTENCY_KEY_DAYS}::int))
        ), listed as (
          insert into platform.merchant (id, slug, name, status, created_at)
          values (${merchant.id}, ${merchant.slug}, ${merchant.name}, 'provisioning', ${merchant.now})
        ), housed as (
          insert into platform.home (merchant_id, cell, epoch) values (${merchant.id}, ${merchant.cell}, 1)
        )
        insert into platform.audit (admin_id, action, merchant_id, data, occurred_at)
        values (${request.adminId}, 'merchant.provision', ${merchant.id}, jsonb_build_object('slug', ${merchant.slug}::text, 'cell', ${merchant.cell}::text),
          ${merchant.now})`
    } catch (error) {
      if ((error as { code?: string }).code !== UNIQUE_VIOLATION) throw error
      // The same request at the same moment took the key or the slug: which of the two is met first is not said.
      if (await this.earlier(request)) throw new Refusal('idempotency_in_progress')
      throw new Refusal('duplicate', { detail: 'This slug is taken.', errors: [{ pointer: '/slug', code: 'duplicate' }] })
    }
  }

  /** Opens the shop, and keeps the answer for replays. */
  async finish(request: ProvisioningRequest, merchantId: string, response: { statusCode: number; body: string }): Promise<void> {
    await this.#sql`
      with opened as (
        update platform.merchant set status = 'active' where id = ${merchantId} and status = 'provisioning'
      )
      update platform.idempotency_key set status_code = ${response.statusCode}, response_body = ${response.body}
      where admin_id = ${request.adminId} and route = ${request.route} and key = ${request.key} and status_code = 0`
  }

  /** Refuses `not_found` when there is no such merchant. */
  async find(id: string): Promise<DirectoryMerchant> {
    const [merchant] = await this.#sql<DirectoryMerchant[]>`
      select m.id, m.slug, m.name, m.status, m.sandbox, m.created_at as "createdAt", h.cell
      from platform.merchant m join platform.home h on h.merchant_id = m.id
      where m.id = ${id}`
    if (!merchant) throw noMerchant()
    return merchant
  }

  /** One page, newest first; of one cell, or with one slug, where that is asked for. */
  async list(page: {
    before: string | undefined
    limit: number
    cell?: string | undefined
    slug?: string | undefined
  }): Promise<DirectoryMerchant[]> {
    const { before = null, limit, cell = null, slug = null } = page
    return this.#sql<DirectoryMerchant[]>`
      select m.id, m.slug, m.name, m.status, m.sandbox, m.created_at as "createdAt", h.cell
      from platform.merchant m join platform.home h on h.merchant_id = m.id
      where (${before}::uuid is null or m.id < ${before}::uuid) and (${cell}::text is null or h.cell = ${cell}::text)
        and (${slug}::text is null or m.slug = ${slug}::text)
      order by m.id desc limit ${limit}`
  }

  /** Closes or opens a shop. Repeating it changes nothing; one that is still being set up is refused with `invalid_state`. */
  async setStatus(id: string, status: 'active' | 'suspended', adminId: string, now: Date): Promise<DirectoryMerchant> {
    await this.#sql`
      with changed as (
        update platform.merchant set status = ${status}
        where id = ${id} and status in ('active', 'suspended') and status <> ${status} returning id
      )
      insert into platform.audit (admin_id, action, merchant_id, data, occurred_at)
      select ${adminId}, 'merchant.set_status', id, jsonb_build_object('status', ${status}::text), ${now} from changed`
    const merchant = await this.find(id)
    if (merchant.status !== status) {
      throw new Refusal('invalid_state', { detail: 'The merchant is still being set up.', extra: { current_state: merchant.status } })
    }
    return merchant
  }
}

function noMerchant(): Refusal {
  return new Refusal('not_found', { detail: 'There is no such merchant.' })
}
