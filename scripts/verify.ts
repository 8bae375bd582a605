import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { openDatabase } from './database.ts'
import { environmentOf } from './environment.ts'
import { describeFailure } from './explained.ts'
import { root } from './pnpm.mjs'
import { readPort } from './ports.ts'
import { lockHolder } from './start-lock.ts'
import { openSecrets, statePaths } from './state.ts'

// Holds what `npm start` has made against itself: orders against their events, audit logs against their hashes. Souk may run meanwhile.

process.exitCode = await main()

async function main(): Promise<number> {
  const state = statePaths()
  if (!existsSync(state.keys)) {
    console.error('There is nothing to verify yet: `npm start` first.')
    return 1
  }
  try {
    const database = await openDatabase(state, openSecrets(state), () => {})
    try {
      // Nothing is served, so it does not matter that Souk may be listening there.
      const port = readPort(process.env.PORT)
      const ports = { api: port, apiInternal: port, workerInternal: port, paymentProvider: port }
      return await verify(environmentOf(state, database, ports).api)
    } finally {
      if (!lockHolder(state.lock)) await database.server?.stop()
    }
  } catch (error) {
    console.error(describeFailure(error))
    return 1
  }
}

function verify(environment: Record<string, string>): Promise<number> {
  const parameters = [join(root, 'apps/api/src/verify.ts'), ...process.argv.slice(2)]
  const child = spawn(process.execPath, parameters, { env: { ...process.env, ...environment }, stdio: 'inherit' })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? 1))
  })
}
