import { globSync, readFileSync } from 'node:fs'

export interface SourceFile {
  /** From the repository's root, with forward slashes. */
  path: string
  text: string
}

const ROOT = new URL('../../../../', import.meta.url)
const FOLDERS = '{apps,packages,migrations,scripts,proofs,bench,examples}'

/** Every source file of ours, found by looking: a new one is covered by being there. */
export function sourceTree(): SourceFile[] {
  return globSync(`${FOLDERS}/**/*.{ts,mjs,sql}`, { cwd: ROOT.pathname, exclude: (path) => path === 'node_modules' || path === 'dist' })
    .filter((path) => !path.split('/').includes('node_modules'))
    .sort()
    .map((path) => ({ path, text: readFileSync(new URL(path, ROOT), 'utf8') }))
}

/** Tests, what supports them, and what configures them: none of it runs in a shop. */
export function isTest(path: string): boolean {
  return /\.test\.ts$|\/testing\/|\/test-[^/]*\.ts$|\/vitest[^/]*\.ts$|^(proofs|bench)\//.test(path)
}

export interface Import {
  from: string
  /** True when nothing of it is left at run time. */
  typeOnly: boolean
}

export function importsOf(file: SourceFile): Import[] {
  const found: Import[] = []
  for (const [, clause = '', from = ''] of file.text.matchAll(/^(?:import|export)\s+([^'";]*?)\s*from\s+'([^']+)'/gm)) {
    const names = /^\{([^}]*)\}$/.exec(clause)?.[1]
    const everyNameIsType = names?.split(',').every((name) => name.trim() === '' || name.trim().startsWith('type '))
    found.push({ from, typeOnly: clause.startsWith('type ') || everyNameIsType === true })
  }
  for (const [, from = ''] of file.text.matchAll(/^import\s+'([^']+)'/gm)) found.push({ from, typeOnly: false })
  for (const [, from = ''] of file.text.matchAll(/\bimport\(\s*'([^']+)'\s*\)/g)) found.push({ from, typeOnly: false })
  return found
}

/** Where a relative import leads, from the repository's root. */
export function resolveImport(file: SourceFile, from: string): string {
  return new URL(from, new URL(file.path, 'file:///')).pathname.slice(1)
}
