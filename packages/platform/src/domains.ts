import { randomBytes } from 'node:crypto'
import { isIP } from 'node:net'
import { Refusal } from '@souk/core/refusal.ts'
import { callingOut } from '@souk/tenant-router/use-case.ts'
import type { PlatformSql } from './platform-sql.ts'

/** A host name that a merchant brings. It is served once its owner has shown, in the DNS, that it is theirs. */
export interface Domain {
  host: string
  challenge: string
  verifiedAt: Date | null
  createdAt: Date
}

export interface ByAdmin {
  adminId: string
  now: Date
}

/** Asks the DNS for TXT records; each record comes in its pieces. */
export type ResolveTxt = (name: string) => Promise<string[][]>

const CHALLENGE_BYTES = 24
const DOMAINS_PER_MERCHANT_MAX = 20
const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'
const HOST = new RegExp(`^(?=.{3,253}$)${LABEL}(\\.${LABEL})*\\.(?!\\d+$)${LABEL}$`)

export const CHALLENGE_PREFIX = '_souk-challenge.'

export class Domains {
  readonly #sql: PlatformSql
  readonly #baseDomain: string
  readonly #resolveTxt: ResolveTxt

  constructor(sql: PlatformSql, baseDomain: string, resolveTxt: ResolveTxt) {
    this.#sql = sql
    this.#baseDomain = baseDomain
    this.#resolveTxt = resolveTxt
  }

  /** Adds a host name and makes up its challenge. The same name again for the same merchant changes nothing. */
  async add(merchantId: string, host: string, by: ByAdmin): Promise<Domain> {
    this.#assertAllowed(host)
    await this.#sql.begin(async (sql) => {
      // One after the other for a merchant, or two could both find room for the last one.
      await sql`select from platform.merchant where id = ${merchantId} for no key update`
      await sql`
        with added as (
          insert into platform.domain (host, merchant_id, challenge, created_at)
          select ${host}, m.id, ${randomBytes(CHALLENGE_BYTES).toString('base64url')}, ${by.now} from platform.merchant m
          where m.id = ${merchantId} and (select count(*) from platform.domain d where d.merchant_id = m.id) < ${DOMAINS_PER_MERCHANT_MAX}
          on conflict (host) do nothing returning host, merchant_id
        )
        insert into platform.audit (admin_id, action, merchant_id, data, occurred_at)
        select ${by.adminId}, 'domain.add', merchant_id, jsonb_build_object('host', host), ${by.now} from added`
    })
    const [row] = await this.#sql<(Domain & { merchantId: string })[]>`
      select host, challenge, verified_at as "verifiedAt", created_at as "createdAt", merchant_id as "merchantId"
      from platform.domain where host = ${host}`
    if (row?.merchantId === merchantId) return row
    if (row) throw new Refusal('duplicate', { detail: 'This host name is taken.', errors: [{ pointer: '/host', code: 'duplicate' }] })
    throw new Refusal('host_not_allowed', { detail: `A merchant has at most ${DOMAINS_PER_MERCHANT_MAX} domains.` })
  }

  async list(merchantId: string): Promise<Domain[]> {
    return this.#sql<Domain[]>`
      select host, challenge, verified_at as "verifiedAt", created_at as "createdAt"
      from platform.domain where merchant_id = ${merchantId} order by host`
  }

  /** Looks for the challenge in the DNS, with no transaction open, and serves the domain when it is there. */
  async verify(merchantId: string, host: string, by: ByAdmin): Promise<Domain> {
    const [domain] = await this.#sql<Domain[]>`
      select host, challenge, verified_at as "verifiedAt", created_at as "createdAt"
      from platform.domain where merchant_id = ${merchantId} and host = ${host}`
    if (!domain) throw noDomain()
    if (domain.verifiedAt) return domain
    const records = await callingOut('resolver', () => this.#resolveTxt(CHALLENGE_PREFIX + host).catch(() => []))
    if (!records.some((pieces) => pieces.join('') === domain.challenge)) throw new Refusal('domain_not_verified')
    const [verified] = await this.#sql<Domain[]>`
      with verified as (
        update platform.domain set verified_at = ${by.now} where merchant_id = ${merchantId} and host = ${host}
        returning host, merchant_id, challenge, verified_at, created_at
      ), audited as (
        insert into platform.audit (admin_id, action, merchant_id, data, occurred_at)
        select ${by.adminId}, 'domain.verify', merchant_id, jsonb_build_object('host', host), ${by.now} from verified
      )
      select host, challenge, verified_at as "verifiedAt", created_at as "createdAt" from verified`
    if (!verified) throw noDomain()
    return verified
  }

  async remove(merchantId: string, host: string, by: ByAdmin): Promise<void> {
    const removed = await this.#sql`
      with removed as (
        delete from platform.domain where merchant_id = ${merchantId} and host = ${host} returning host, merchant_id
      )
      insert into platform.audit (admin_id, action, merchant_id, data, occurred_at)
      select ${by.adminId}, 'domain.remove', merchant_id, jsonb_build_object('host', host), ${by.now} from removed returning id`
    if (removed.length === 0) throw noDomain()
  }

  /** Not an address, and not one of the platform's own names. */
  #assertAllowed(host: string): void {
    const own = host === this.#baseDomain || host.endsWith(`.${this.#baseDomain}`)
    if (!own && HOST.test(host) && isIP(host) === 0) return
    throw new Refusal('host_not_allowed', { errors: [{ pointer: '/host', code: 'host_not_allowed' }] })
  }
}

function noDomain(): Refusal {
  return new Refusal('not_found', { detail: 'There is no such domain.' })
}
