import type { StatementEntry } from '@souk/core/ledger/account-statement.ts'
import type { TrialBalance } from '@souk/core/ledger/trial-balance.ts'
import { z } from 'zod'
import { moneySchema, presentMoney } from './money.ts'

export const entrySchema = z.strictObject({
  journal_id: z.uuid(),
  kind: z.string(),
  order_id: z.uuid().nullable(),
  payment_id: z.uuid().nullable(),
  amount: moneySchema.meta({ description: 'Debit is positive, credit negative.' }),
  balance_after: moneySchema
    .nullable()
    .meta({ description: 'What the customer or the gift card then had; null for accounts of the merchant itself.' }),
  actor: z.record(z.string(), z.unknown()),
  occurred_at: z.iso.datetime(),
})

const sums = { debits: moneySchema, credits: moneySchema, balance: moneySchema.meta({ description: 'Debits less credits.' }) }

export const trialBalanceSchema = z.strictObject({
  accounts: z.array(
    z.strictObject({
      account: z.string().meta({ description: '`store_credit` and `gift_card` are all accounts of customers and of cards together.' }),
      kind: z.enum(['asset', 'liability', 'income', 'expense', 'equity']),
      ...sums,
    }),
  ),
  totals: z.array(z.strictObject(sums)).meta({ description: 'By currency; each balance is 0.' }),
})

export function presentEntry(entry: StatementEntry, currency: string): z.input<typeof entrySchema> {
  return {
    journal_id: entry.journalId,
    kind: entry.kind,
    order_id: entry.orderId,
    payment_id: entry.paymentId,
    amount: presentMoney(entry.amount, currency),
    balance_after: entry.balanceAfter === null ? null : presentMoney(entry.balanceAfter, currency),
    actor: { ...entry.actor },
    occurred_at: entry.occurredAt.toISOString(),
  }
}

export function presentTrialBalance({ lines, totals }: TrialBalance): z.input<typeof trialBalanceSchema> {
  return {
    accounts: lines.map(({ account, kind, ...line }) => ({ account, kind, ...presentSums(line) })),
    totals: totals.map(presentSums),
  }
}

function presentSums({ debits, credits, balance, currency }: TrialBalance['totals'][number]) {
  return {
    debits: presentMoney(debits, currency),
    credits: presentMoney(credits, currency),
    balance: presentMoney(balance, currency),
  }
}
