import { type PspConfig, readConfig } from './config.ts'
import { Psp } from './psp.ts'
import { serve } from './server.ts'

// The sandbox provider as a process. Its first line of output is JSON and says where it listens.

const config = orEnd(() => readConfig(process.env))
const psp = await Psp.open(config.folder, (error) => {
  console.error(`The journal cannot be written: ${error.message}`)
  process.exit(1)
}).catch((error: Error) => {
  console.error(error.message)
  return process.exit(1)
})
const server = await serve(psp, config)
console.log(JSON.stringify({ listening: { host: config.host, port: server.port } }))

let stopping = false
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, async () => {
    if (stopping) return
    stopping = true
    await server.close()
    process.exit(0)
  })
}

function orEnd(work: () => PspConfig): PspConfig {
  try {
    return work()
  } catch (error) {
    console.error((error as Error).message)
    return process.exit(1)
  }
}
