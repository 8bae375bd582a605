import { runSouk } from './souk.ts'

process.exitCode = await runSouk(process.argv.slice(2))
