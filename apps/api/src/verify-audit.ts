import { verifyAudit } from '@souk/core/audit/verify-audit.ts'
import type { ChainVerification } from '@souk/core/audit/verify-chain.ts'
import { PlatformAudit } from '@souk/platform/audit-log.ts'
import { openPlatformSql } from '@souk/platform/platform-sql.ts'
import { Router } from '@souk/tenant-router/router.ts'
import { readConfig } from './config.ts'

/** Checks the audit logs of the platform and of every active merchant, with the API's settings. Ends with 1 when one is wrong. */
const config = readConfig(process.env)
const platformSql = openPlatformSql(config.platformUrl)
const cellUrls = Object.fromEntries(Object.entries(config.cells).map(([cell, { app }]) => [cell, app]))
const router = new Router({ directoryUrl: config.directoryUrl, baseDomain: config.baseDomain, cellUrls })
let broken = 0

function report(whose: string, { verified, wrong }: ChainVerification): void {
  if (wrong) broken += 1
  const fault = wrong && `entry ${wrong.sequence} is ${wrong.fault}${wrong.entryId === null ? '' : ` (${wrong.entryId})`}`
  console.log(`${whose}: ${verified} entries in order${fault ? `; ${fault}` : ''}`)
}

try {
  report('platform', await new PlatformAudit(platformSql).verify())
  for (const cell of Object.keys(cellUrls)) {
    await router.eachMerchant(cell, async (inMerchant) => report(inMerchant.merchant.slug, await verifyAudit(inMerchant)))
  }
} finally {
  await Promise.all([router.close(), platformSql.end()])
}
process.exitCode = broken === 0 ? 0 : 1
