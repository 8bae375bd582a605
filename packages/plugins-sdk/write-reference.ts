import { readFileSync, writeFileSync } from 'node:fs'
import { withReferenceParts } from './src/contracts/reference.ts'

// Writes the generated parts of docs/plugins/reference.md anew.

const file = new URL('../../docs/plugins/reference.md', import.meta.url)
writeFileSync(file, withReferenceParts(readFileSync(file, 'utf8')))
