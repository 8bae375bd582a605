import { execFile } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What a runner is shut off from by the operating system, beside the sandbox inside it. */
export interface Confinement {
  /** Programs that start the runner and are replaced by it. */
  launcher: string[]
  /** It has no network but a loopback that is down. */
  hasNoNetwork: boolean
  /** It runs as an account that owns nothing, though its parent is root. */
  hasOwnAccount: boolean
}

const NOBODY = '65534'
const PROBE_MS_MAX = 5_000

/**
 * Tries what this machine allows, strongest first. None of it is needed for the sandbox to hold; each is one more wall behind it.
 * Linux has all of them with util-linux; elsewhere a runner has Node's permission model alone.
 */
export async function findConfinement(runnerFile: URL): Promise<Confinement> {
  if (process.platform !== 'linux') return { launcher: [], hasNoNetwork: false, hasOwnAccount: false }
  const isRoot = process.getuid?.() === 0
  const [unshare, setpriv] = [programFile('unshare'), programFile('setpriv')]
  const networks = [...(isRoot ? [[unshare, '--net', '--']] : []), [unshare, '--user', '--map-current-user', '--net', '--']]
  const ends = ['--no-new-privs', '--pdeathsig', 'KILL', '--']
  const account = [setpriv, '--reuid', NOBODY, '--regid', NOBODY, '--clear-groups', '--inh-caps=-all', '--bounding-set=-all', ...ends]
  const network = await firstThatRuns(networks, [], runnerFile)
  const privileges = await firstThatRuns(isRoot ? [account, [setpriv, ...ends]] : [[setpriv, ...ends]], network, runnerFile)
  return { launcher: [...network, ...privileges], hasNoNetwork: network.length > 0, hasOwnAccount: privileges === account }
}

/** Node's own arguments for a runner. */
export function runnerArguments(runnerFile: URL): string[] {
  const readable = readableFolders(runnerFile).map((folder) => `--allow-fs-read=${folder}`)
  return [
    // A process that shares its heap's snapshot with isolates of isolated-vm crashes.
    '--no-node-snapshot',
    '--no-warnings',
    // Plugin code is interpreted, never compiled to machine code: most ways out of the engine lead through its compilers. It costs a fifth of a
    // usual call, and how deep a call may recurse no longer depends on what ran before. (--jitless would also take the WebAssembly that Node
    // itself reads TypeScript with.)
    '--no-opt',
    '--no-maglev',
    '--no-sparkplug',
    '--regexp-interpret-all',
    '--max-old-space-size=256',
    '--v8-pool-size=1',
    // Addons and threads for the runner itself; no files but its own, no child processes. Network is not covered by it.
    '--permission',
    '--allow-addons',
    '--allow-worker',
    ...readable,
  ]
}

/** Its own files and isolated-vm's. node-gyp-build, which loads the addon, looks at /etc/alpine-release. */
function readableFolders(runnerFile: URL): string[] {
  const file = realpathSync(fileURLToPath(runnerFile))
  const addon = installed('isolated-vm', file)
  const loader = installed('node-gyp-build', join(addon.at(-1)!, 'isolated-vm.js'))
  const packages = [file, addon.at(-1)!, loader.at(-1)!].flatMap(packageFiles)
  return [...new Set([dirname(file), ...addon, ...loader, ...packages, '/etc/alpine-release'])]
}

/** The folders of a package as a file finds it: those looked at on the way, and at last where it really is. */
function installed(name: string, from: string): string[] {
  const looked = createRequire(from)
    .resolve.paths(name)!
    .map((folder) => join(folder, name))
  const found = looked.findIndex((folder) => existsSync(folder))
  if (found < 0) throw new Error(`${name} is not installed beside ${from}`)
  return [...looked.slice(0, found + 1), realpathSync(looked[found]!)]
}

/** Where Node looks for the package that a file belongs to: every folder on the way up. */
function packageFiles(file: string): string[] {
  const folder = dirname(file)
  return folder === file ? [] : [join(folder, 'package.json'), ...packageFiles(folder)]
}

/** With its folder, because a runner is started without an environment and so without a PATH. */
function programFile(name: string): string {
  return ['/usr/bin', '/bin', '/usr/sbin', '/sbin'].map((folder) => join(folder, name)).find((file) => existsSync(file)) ?? name
}

async function firstThatRuns(candidates: string[][], launcher: string[], runnerFile: URL): Promise<string[]> {
  const reads = '[ -r "$1" ] && [ -r "$2" ] && [ -x "$3" ]'
  const files = [fileURLToPath(runnerFile), createRequire(runnerFile).resolve('isolated-vm'), process.execPath]
  for (const candidate of candidates) {
    if (await runs([...launcher, ...candidate, '/bin/sh', '-c', reads, 'sh', ...files])) return candidate
  }
  return []
}

function runs([program, ...given]: string[]): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(program!, given, { cwd: '/', env: {}, timeout: PROBE_MS_MAX }, (error) => resolve(!error))
  })
}
