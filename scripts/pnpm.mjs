import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

/**
 * The command that runs pnpm, in the version that package.json names, with nothing but npm on the machine.
 * @param {string[]} parameters
 * @returns {{ program: string, parameters: string[] }}
 */
export function pnpm(parameters) {
  const { packageManager } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'))
  return { program: 'npx', parameters: ['--yes', packageManager, ...parameters] }
}

/**
 * turbo runs each package's script through pnpm, which `npx` puts on the path.
 * @param {string[]} parameters
 */
export function turbo(parameters) {
  return pnpm(['exec', 'turbo', 'run', '--output-logs=full', '--log-order=grouped', ...parameters])
}
