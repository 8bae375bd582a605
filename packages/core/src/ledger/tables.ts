import { sql } from 'drizzle-orm'
import { bigint, foreignKey, integer, jsonb, pgTable, primaryKey, text, timestamp, unique, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import type { Actor } from '../actor.ts'
import { orders } from '../orders/tables.ts'
import type { AccountKind, AccountOwner } from './accounts.ts'
import type { JournalKind } from './journal.ts'

export const ledgerAccounts = pgTable(
  'ledger_account',
  {
    merchantId: uuid('merchant_id').notNull(),
    code: text('code').notNull(),
    currency: text('currency').notNull(),
    kind: text('kind').notNull().$type<AccountKind>(),
    ownerType: text('owner_type').$type<AccountOwner['type']>(),
    ownerId: uuid('owner_id'),
    balance: bigint('balance', { mode: 'bigint' }),
    sequence: bigint('sequence', { mode: 'bigint' }).notNull().default(0n),
    openedAt: timestamp('opened_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.merchantId, table.code, table.currency] })],
)

export const journals = pgTable(
  'journal',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    key: text('key').notNull(),
    kind: text('kind').notNull().$type<JournalKind>(),
    orderId: uuid('order_id'),
    paymentId: uuid('payment_id'),
    reverses: uuid('reverses'),
    actor: jsonb('actor').notNull().$type<Actor>(),
    occurredAt: timestamp('occurred_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    unique().on(table.merchantId, table.key),
    unique().on(table.merchantId, table.reverses),
    foreignKey({ columns: [table.merchantId, table.orderId], foreignColumns: [orders.merchantId, orders.id] }),
  ],
)

export const ledgerEntries = pgTable(
  'ledger_entry',
  {
    merchantId: uuid('merchant_id').notNull(),
    journalId: uuid('journal_id').notNull(),
    position: integer('position').notNull(),
    account: text('account').notNull(),
    currency: text('currency').notNull(),
    amount: bigint('amount', { mode: 'bigint' }).notNull(),
    sequence: bigint('sequence', { mode: 'bigint' }).notNull().default(0n),
    balanceAfter: bigint('balance_after', { mode: 'bigint' }),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.journalId, table.position] }),
    uniqueIndex('ledger_entry_history').on(table.merchantId, table.account, table.currency, table.sequence).where(sql`sequence > 0`),
    foreignKey({ columns: [table.merchantId, table.journalId], foreignColumns: [journals.merchantId, journals.id] }),
    foreignKey({
      columns: [table.merchantId, table.account, table.currency],
      foreignColumns: [ledgerAccounts.merchantId, ledgerAccounts.code, ledgerAccounts.currency],
    }),
  ],
)
