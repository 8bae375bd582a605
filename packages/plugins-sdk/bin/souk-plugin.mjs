#!/usr/bin/env node
const major = Number(process.versions.node.split('.')[0])
if (major < 24) {
  console.error(`souk-plugin needs Node 24 or later and runs on ${process.version}.
In a plugin's folder it comes with the package "node": run it as an npm script ("npm run dev", "npm test").`)
  process.exit(1)
}
const { main } = await import('../dist/cli.mjs')
await main(process.argv)
