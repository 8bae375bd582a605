import { bigint, date, foreignKey, integer, jsonb, pgTable, primaryKey, text, timestamp, unique, uuid } from 'drizzle-orm/pg-core'
import type { Actor } from '../actor.ts'

const count = (name: string) => bigint(name, { mode: 'bigint' }).notNull()
const time = (name: string) => timestamp(name, { withTimezone: true })

export const pluginReleases = pgTable(
  'plugin_release',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    plugin: text('plugin').notNull(),
    version: text('version').notNull(),
    digest: text('digest').notNull(),
    manifest: jsonb('manifest').notNull(),
    hooks: jsonb('hooks').notNull().$type<Record<string, string[]>>(),
    bundle: text('bundle').notNull(),
    pushedBy: jsonb('pushed_by').notNull().$type<Actor>(),
    pushedAt: time('pushed_at').notNull().defaultNow(),
    withdrawnAt: time('withdrawn_at'),
  },
  (table) => [primaryKey({ columns: [table.merchantId, table.id] }), unique().on(table.merchantId, table.plugin, table.version)],
)

export const pluginInstalls = pgTable(
  'plugin_install',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    plugin: text('plugin').notNull(),
    state: text('state').notNull().$type<'active' | 'disabled' | 'suspended'>(),
    versionRange: text('version_range').notNull(),
    releaseId: uuid('release_id').notNull(),
    candidateReleaseId: uuid('candidate_release_id'),
    candidatePpm: count('candidate_ppm').default(0n),
    lastGoodReleaseId: uuid('last_good_release_id'),
    failedReleaseId: uuid('failed_release_id'),
    configuration: jsonb('configuration').notNull(),
    note: text('note').notNull().default(''),
    logAllUntil: time('log_all_until'),
    version: count('version').default(1n),
    installedAt: time('installed_at').notNull().defaultNow(),
    updatedAt: time('updated_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    unique().on(table.merchantId, table.plugin),
    foreignKey({ columns: [table.merchantId, table.releaseId], foreignColumns: [pluginReleases.merchantId, pluginReleases.id] }),
    foreignKey({ columns: [table.merchantId, table.candidateReleaseId], foreignColumns: [pluginReleases.merchantId, pluginReleases.id] }),
    foreignKey({ columns: [table.merchantId, table.lastGoodReleaseId], foreignColumns: [pluginReleases.merchantId, pluginReleases.id] }),
    foreignKey({ columns: [table.merchantId, table.failedReleaseId], foreignColumns: [pluginReleases.merchantId, pluginReleases.id] }),
  ],
)

const toInstall = (table: { merchantId: never; installId: never }) =>
  foreignKey({ columns: [table.merchantId, table.installId], foreignColumns: [pluginInstalls.merchantId, pluginInstalls.id] }).onDelete(
    'cascade',
  )

export const pluginProviders = pgTable(
  'plugin_provider',
  {
    merchantId: uuid('merchant_id').notNull(),
    installId: uuid('install_id').notNull(),
    point: text('point').notNull().$type<'discount' | 'tax' | 'fulfillment'>(),
    position: integer('position').notNull(),
    failurePolicy: text('failure_policy').notNull().$type<'skip' | 'refuse' | 'fallback'>(),
  },
  (table) => [primaryKey({ columns: [table.merchantId, table.installId, table.point] }), toInstall(table as never)],
)

export const pluginSecrets = pgTable(
  'plugin_secret',
  {
    merchantId: uuid('merchant_id').notNull(),
    installId: uuid('install_id').notNull(),
    name: text('name').notNull(),
    sealed: text('sealed').notNull(),
    updatedAt: time('updated_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.merchantId, table.installId, table.name] }), toInstall(table as never)],
)

export const pluginCalls = pgTable(
  'plugin_call',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    installId: uuid('install_id').notNull(),
    releaseId: uuid('release_id').notNull(),
    plugin: text('plugin').notNull(),
    version: text('version').notNull(),
    hook: text('hook').notNull(),
    outcome: text('outcome').notNull().$type<'ok' | 'failed'>(),
    reason: text('reason'),
    detail: text('detail'),
    input: jsonb('input').notNull(),
    configuration: jsonb('configuration').notNull(),
    output: jsonb('output'),
    logs: jsonb('logs').notNull().$type<string[]>(),
    cpuUs: count('cpu_us'),
    wallUs: count('wall_us'),
    calledAt: time('called_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.merchantId, table.id] }), toInstall(table as never)],
)

export const pluginUsage = pgTable(
  'plugin_usage',
  {
    merchantId: uuid('merchant_id').notNull(),
    day: date('day').notNull(),
    calls: count('calls'),
    failures: count('failures'),
    cpuUs: count('cpu_us'),
  },
  (table) => [primaryKey({ columns: [table.merchantId, table.day] })],
)

export const pluginBudgets = pgTable('plugin_budget', {
  merchantId: uuid('merchant_id').primaryKey(),
  callsPerDay: count('calls_per_day'),
  cpuMsPerDay: count('cpu_ms_per_day'),
  updatedAt: time('updated_at').notNull().defaultNow(),
})
