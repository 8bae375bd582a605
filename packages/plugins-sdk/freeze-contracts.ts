import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { incompatibilities } from './src/contracts/compatibility.ts'
import { CONTRACT_IDS } from './src/contracts/contract.ts'
import { type PublishedContract, publishedContract } from './src/contracts/json-schema.ts'

// Writes contracts/*.json, the published form of every contract, unless that would break a plugin: then it says where and writes
// nothing. A change that cannot be additive is a new major, in a file of its own.

let broken = false
for (const id of CONTRACT_IDS) {
  const file = new URL(`contracts/${id}.json`, import.meta.url)
  const current = publishedContract(id)
  const complaints = existsSync(file) ? incompatibilities(JSON.parse(readFileSync(file, 'utf8')) as PublishedContract, current) : []
  for (const complaint of complaints) console.error(`${id}: ${complaint}`)
  if (complaints.length === 0) writeFileSync(file, `${JSON.stringify(current, null, 2)}\n`)
  broken ||= complaints.length > 0
}
if (broken) process.exitCode = 1
