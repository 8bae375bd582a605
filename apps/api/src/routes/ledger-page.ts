import { openCursor, sealCursor, type TokenKeys } from '@souk/core/capability.ts'
import { accountStatement } from '@souk/core/ledger/account-statement.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { z } from 'zod'
import { type entrySchema, presentEntry } from '../wire/ledger.ts'

/** A page of an account's entries, the newest first: of the ledger, a gift card or a customer. */
export async function statementPage(
  inMerchant: InMerchant,
  keys: TokenKeys,
  account: { code: string; currency: string },
  { limit, cursor }: { limit: number; cursor?: string | undefined },
): Promise<{ data: z.input<typeof entrySchema>[]; next_cursor: string | null }> {
  const scope = { merchantId: inMerchant.merchant.id, query: `entries|${account.code}|${account.currency}` }
  const [sequence, journalId, position] = cursor === undefined ? [] : openCursor(keys, scope, cursor)
  const before = sequence === undefined ? undefined : { sequence: BigInt(sequence), journalId: journalId!, position: Number(position) }
  const { entries, next } = await inMerchant.read((tx) => accountStatement(tx, account, { limit, before }))
  return {
    data: entries.map((entry) => presentEntry(entry, account.currency)),
    next_cursor: next && sealCursor(keys, scope, [String(next.sequence), next.journalId, String(next.position)]),
  }
}
