import { Admins } from '@souk/platform/admins.ts'
import { openPlatformSql } from '@souk/platform/platform-sql.ts'
import { z } from 'zod'

/** Makes the platform's first admin, or sets the password of one. Running it again changes nothing. */
const environment = z.object({
  SOUK_PLATFORM_URL: z.string(),
  SOUK_ADMIN_EMAIL: z.email(),
  SOUK_ADMIN_PASSWORD: z.string().min(10).max(200),
})

const given = environment.parse(process.env)
const sql = openPlatformSql(given.SOUK_PLATFORM_URL)
try {
  await new Admins(sql).ensure({ email: given.SOUK_ADMIN_EMAIL, password: given.SOUK_ADMIN_PASSWORD, now: new Date() })
} finally {
  await sql.end()
}
