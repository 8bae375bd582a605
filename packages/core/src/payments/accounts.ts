import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { recordAudit } from '../audit/record-audit.ts'
import { newId } from '../ids.ts'
import { type FieldProblem, Refusal } from '../refusal.ts'
import type { SecretBox } from '../secret-box.ts'
import type { CaptureMode, PaymentProvider, ProviderAccount, Providers } from './provider.ts'

/** A merchant's account with a provider, as staff see it: which secrets there are, and never what they are. */
export interface PaymentAccount {
  id: string
  provider: string
  enabled: boolean
  apiBase: string | null
  settings: Record<string, unknown>
  /** Whether money is taken when the buyer pays, or when staff say so. */
  capture: CaptureMode
  secrets: string[]
  createdAt: Date
  updatedAt: Date
}

export interface AccountChanges {
  provider: string
  enabled?: boolean | undefined
  apiBase?: string | null | undefined
  settings?: Record<string, unknown> | undefined
  capture?: CaptureMode | undefined
  /** By name; null forgets one. What is not named stays. */
  secrets?: Record<string, string | null> | undefined
}

export const ACCOUNT_SETTINGS_BYTES_MAX = 10_000
export const SECRET_LENGTH_MAX = 1_000

type By = { actor: Actor; now: Date }
type StoredAccount = Omit<PaymentAccount, 'secrets'>

/**
 * Opens or changes a merchant's account with a provider. Secrets are sealed under keys outside of the database, each for its
 * place alone. Refuses `payment_provider_unknown`, and `payment_account_invalid` for an account that is enabled and lacks a
 * key, or names what its provider does not have.
 */
export async function saveAccount(
  tx: Tx,
  deps: { providers: Providers; secretBox: SecretBox },
  changes: AccountChanges,
  by: By,
): Promise<PaymentAccount> {
  const provider = deps.providers.get(changes.provider)
  if (!provider) throw noProvider()
  const before = await heldAccount(tx, changes, by)
  const next = { ...before, ...given(changes) }
  const secrets = nextSecrets(before.secrets, changes.secrets ?? {})
  assertWhole(provider, { ...next, secrets }, changes)
  await Promise.all([
    tx.sql`
      update payment_account set enabled = ${next.enabled}, api_base = ${next.apiBase}, settings = ${JSON.stringify(next.settings)}::jsonb,
        capture = ${next.capture}, updated_at = ${by.now}
      where merchant_id = ${tx.merchantId} and id = ${before.id}`,
    ...writeSecrets(tx, deps.secretBox, before.id, changes.secrets ?? {}, by.now),
    recordAudit(tx, {
      action: 'payment_account.changed',
      targetType: 'payment_account',
      targetId: before.id,
      before: shown(before),
      after: shown({ ...next, secrets }),
      reason: '',
      ...by,
    }),
  ])
  return { ...next, secrets, updatedAt: by.now }
}

export async function listAccounts(tx: Tx): Promise<PaymentAccount[]> {
  return (await tx.sql`${accountsQuery(tx)} order by a.provider`) as unknown as PaymentAccount[]
}

/** What a checkout may choose from: the providers that are enabled, for anybody to see. */
export async function offeredProviders(tx: Tx): Promise<string[]> {
  const rows = await tx.sql<{ provider: string }[]>`
    select provider from payment_account where merchant_id = ${tx.merchantId} and enabled order by provider`
  return rows.map(({ provider }) => provider)
}

export interface SealedAccount {
  id: string
  provider: string
  enabled: boolean
  apiBase: string | null
  settings: Record<string, unknown>
  capture: CaptureMode
  sealed: Record<string, string>
}

/** An account with its secrets as they are kept; for one flight with others. */
export function sealedAccountQuery(tx: Pick<Tx, 'merchantId' | 'sql'>, provider: string): Query {
  return tx.sql`
    select a.id, a.provider, a.enabled, a.api_base as "apiBase", a.settings, a.capture, coalesce((
      select jsonb_object_agg(s.name, s.sealed) from payment_account_secret s
      where s.merchant_id = ${tx.merchantId} and s.account_id = a.id), '{}') as sealed
    from payment_account a where a.merchant_id = ${tx.merchantId} and a.provider = ${provider}`
}

/** An account with its secrets in the clear: for the moment of a call. */
export function openAccount(box: SecretBox, merchantId: string, account: SealedAccount): ProviderAccount {
  const { id, provider, apiBase, settings, sealed } = account
  const secrets = Object.fromEntries(Object.entries(sealed).map(([name, text]) => [name, box.open(text, [merchantId, id, name])]))
  return { provider, apiBase, settings, secrets }
}

/** Refuses `payment_provider_unknown` unless the merchant takes payments by it. */
export function assertOffered(account: SealedAccount | undefined): asserts account is SealedAccount {
  if (!account?.enabled) throw noProvider()
}

function noProvider(): Refusal {
  return new Refusal('payment_provider_unknown', {
    detail: 'Payments by this provider are not taken here.',
    errors: [{ pointer: '/payment/provider', code: 'payment_provider_unknown' }],
  })
}

function accountsQuery(tx: Pick<Tx, 'merchantId' | 'sql'>): Query {
  return tx.sql`
    select a.id, a.provider, a.enabled, a.api_base as "apiBase", a.settings, a.capture, a.created_at as "createdAt",
      a.updated_at as "updatedAt", array(
        select s.name from payment_account_secret s where s.merchant_id = ${tx.merchantId} and s.account_id = a.id order by s.name) as secrets
    from payment_account a where a.merchant_id = ${tx.merchantId}`
}

/** The account, made if there was none, which nobody else changes until the transaction ends. */
async function heldAccount(tx: Tx, { provider }: AccountChanges, { now }: By): Promise<PaymentAccount> {
  await tx.sql`
    insert into payment_account (merchant_id, id, provider, enabled, created_at) values (${tx.merchantId}, ${newId(now)}, ${provider}, false, ${now})
    on conflict (merchant_id, provider) do nothing`
  const [row] = await tx.sql`${accountsQuery(tx)} and a.provider = ${provider} for no key update of a`
  return row as PaymentAccount
}

function given(changes: AccountChanges): Partial<StoredAccount> {
  const { enabled, apiBase, settings, capture } = changes
  return Object.fromEntries(Object.entries({ enabled, apiBase, settings, capture }).filter(([, value]) => value !== undefined))
}

function nextSecrets(before: readonly string[], changes: Record<string, string | null>): string[] {
  const names = new Set(before)
  for (const [name, value] of Object.entries(changes)) value === null ? names.delete(name) : names.add(name)
  return [...names].sort()
}

function assertWhole(provider: PaymentProvider, account: Omit<PaymentAccount, 'createdAt' | 'updatedAt'>, changes: AccountChanges): void {
  const errors: FieldProblem[] = Object.keys(changes.secrets ?? {})
    .filter((name) => !provider.secretNames.includes(name))
    .map((name) => ({ pointer: `/secrets/${name}`, code: 'unknown', detail: `Its secrets are ${provider.secretNames.join(', ')}.` }))
  const missing = account.enabled ? provider.secretNames.filter((name) => !account.secrets.includes(name)) : []
  errors.push(...missing.map((name) => ({ pointer: `/secrets/${name}`, code: 'required' })))
  if (account.apiBase !== null && !provider.apiBases.includes(account.apiBase))
    errors.push({ pointer: '/api_base', code: 'not_offered', detail: `It is called at ${provider.apiBases.join(' or ')}.` })
  if (JSON.stringify(account.settings).length > ACCOUNT_SETTINGS_BYTES_MAX) errors.push({ pointer: '/settings', code: 'too_large' })
  if (errors.length > 0) throw new Refusal('payment_account_invalid', { detail: 'The account cannot be used like this.', errors })
}

function writeSecrets(tx: Tx, box: SecretBox, accountId: string, changes: Record<string, string | null>, now: Date): Query[] {
  return Object.entries(changes).map(([name, value]) =>
    value === null
      ? tx.sql`delete from payment_account_secret where merchant_id = ${tx.merchantId} and account_id = ${accountId} and name = ${name}`
      : tx.sql`
        insert into payment_account_secret (merchant_id, account_id, name, sealed, updated_at)
        values (${tx.merchantId}, ${accountId}, ${name}, ${box.seal(value, [tx.merchantId, accountId, name])}, ${now})
        on conflict (merchant_id, account_id, name) do update set sealed = excluded.sealed, updated_at = excluded.updated_at`,
  )
}

/** What the audit log tells of an account: no secret, and that there is one. */
function shown({ provider, enabled, apiBase, capture, secrets }: Omit<PaymentAccount, 'createdAt' | 'updatedAt'>) {
  return { provider, enabled, api_base: apiBase, capture, secrets }
}
