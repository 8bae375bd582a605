import { parseArgs } from 'node:util'
import { verifyAudit } from '@souk/core/audit/verify-audit.ts'
import type { ChainVerification } from '@souk/core/audit/verify-chain.ts'
import { type Verification, verifyOrders } from '@souk/core/orders/verify-orders.ts'
import { PlatformAudit } from '@souk/platform/audit-log.ts'
import { openPlatformSql } from '@souk/platform/platform-sql.ts'
import { Router } from '@souk/tenant-router/router.ts'
import { readConfig } from './config.ts'

// With the API's settings: the row of every order is what its events say, and every audit log is as it was written, the platform's and that
// of every active merchant. Ends with 1 when something is wrong. With --repair, orders that differ are made what their events say.

const SHOWN_MAX = 20

const { values } = parseArgs({ options: { repair: { type: 'boolean', default: false } } })
const config = readConfig(process.env)
const platformSql = openPlatformSql(config.platformUrl)
const cellUrls = Object.fromEntries(Object.entries(config.cells).map(([cell, { app }]) => [cell, app]))
const router = new Router({ directoryUrl: config.directoryUrl, baseDomain: config.baseDomain, cellUrls })
let wrong = 0

try {
  tellAudit('platform', await new PlatformAudit(platformSql).verify())
  for (const cell of Object.keys(cellUrls)) {
    await router.eachMerchant(cell, async (inMerchant) => {
      const { slug } = inMerchant.merchant
      tellOrders(slug, await verifyOrders(inMerchant, values))
      tellAudit(slug, await verifyAudit(inMerchant))
    })
  }
} finally {
  await Promise.all([router.close(), platformSql.end()])
}
process.exitCode = wrong === 0 ? 0 : 1

function tellOrders(whose: string, { orders, untold, differences }: Verification): void {
  if (!values.repair) wrong += differences.length
  const further = untold > 0 ? `, ${untold} from before events told everything` : ''
  console.log(`${whose}: ${orders} orders${further}; ${differences.length} not what their events say${values.repair ? ', made so' : ''}`)
  for (const { number, fields } of differences.slice(0, SHOWN_MAX)) console.log(`  order ${number}: ${fields.join(', ')}`)
  if (differences.length > SHOWN_MAX) console.log(`  and ${differences.length - SHOWN_MAX} more`)
}

function tellAudit(whose: string, { verified, wrong: found }: ChainVerification): void {
  if (found) wrong += 1
  const fault = found && `entry ${found.sequence} is ${found.fault}${found.entryId === null ? '' : ` (${found.entryId})`}`
  console.log(`${whose}: ${verified} audit entries in order${fault ? `; ${fault}` : ''}`)
}
