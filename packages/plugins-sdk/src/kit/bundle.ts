import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type BuildFailure, type BuildOptions, build } from 'esbuild'
import { schemaComplaints } from '../check-answer.ts'
import { BUNDLE_BYTES_MAX } from '../limits.ts'
import { manifestSchema, type ParsedManifest } from '../manifest.ts'

export const PLUGIN_ENTRY = 'src/plugin.ts'
export const MANIFEST_ENTRY = 'src/manifest.ts'

/** A plugin as it is pushed: one script, and what it says of itself. */
export interface Bundle {
  manifest: ParsedManifest
  source: string
  /** SHA-256 of the source, in hexadecimal: the version's identity in every shop. */
  digest: string
  bytes: number
}

/** What is wrong with a plugin, said to its author. The command line prints the message and no stack. */
export class PluginFault extends Error {}

/**
 * Builds the plugin of a folder: its manifest checked, its code one script without imports. The same sources give the same bytes,
 * wherever they lie. Throws a PluginFault that says what is wrong and where.
 */
export async function buildBundle(folder: string = process.cwd()): Promise<Bundle> {
  for (const file of [PLUGIN_ENTRY, MANIFEST_ENTRY]) {
    if (!existsSync(join(folder, file))) throw new PluginFault(`There is no ${file} in ${folder}. Start with: souk-plugin init`)
  }
  const [manifest, source] = await Promise.all([readManifest(folder), bundleSource(folder)])
  return bundleOf(manifest, source)
}

/** A manifest and a script as a bundle. Throws a PluginFault for one that no shop would take. */
export function bundleOf(manifest: unknown, source: string): Bundle {
  const bytes = Buffer.byteLength(source)
  if (bytes > BUNDLE_BYTES_MAX) throw new PluginFault(`The bundle has ${bytes} bytes; at most ${BUNDLE_BYTES_MAX} are taken.`)
  return { manifest: checkedManifest(manifest), source, digest: createHash('sha256').update(source).digest('hex'), bytes }
}

async function readManifest(folder: string): Promise<unknown> {
  const code = await compile({ ...settings(folder, MANIFEST_ENTRY), format: 'esm', platform: 'node', packages: 'bundle' })
  const loaded = (await import(`data:text/javascript;base64,${Buffer.from(code).toString('base64')}`)) as { manifest?: unknown }
  if (loaded.manifest === undefined) throw new PluginFault(`${MANIFEST_ENTRY} exports no \`manifest\`.`)
  // What is pushed is JSON: what JSON would lose must not be relied on here either.
  return JSON.parse(JSON.stringify(loaded.manifest)) as unknown
}

function checkedManifest(manifest: unknown): ParsedManifest {
  const read = manifestSchema.safeParse(manifest)
  if (read.success) return read.data
  const complaints = schemaComplaints(read.error).map(({ pointer, message }) => `  ${pointer || '/'}: ${message}`)
  throw new PluginFault(`The manifest cannot be served:\n${complaints.join('\n')}`)
}

async function bundleSource(folder: string): Promise<string> {
  return compile({ ...settings(folder, PLUGIN_ENTRY), format: 'iife', platform: 'neutral', mainFields: ['module', 'main'] })
}

function settings(folder: string, entry: string): BuildOptions {
  return {
    absWorkingDir: folder,
    entryPoints: [entry],
    bundle: true,
    write: false,
    target: 'es2024',
    charset: 'utf8',
    legalComments: 'none',
    // Without it esbuild writes the path of every file into the bundle, and with it the folder it was built in.
    minifyWhitespace: true,
    sourcemap: false,
    treeShaking: true,
    conditions: ['module', 'import'],
    logLevel: 'silent',
  }
}

async function compile(options: BuildOptions): Promise<string> {
  try {
    const { outputFiles } = await build({ ...options, write: false })
    return outputFiles[0]!.text
  } catch (error) {
    throw new PluginFault(inWords(error as BuildFailure))
  }
}

function inWords({ errors, message }: BuildFailure): string {
  if (errors === undefined) return message
  return errors
    .map(({ text, location, notes }) => {
      const place = location === null ? '' : `${location.file}:${location.line}:${location.column + 1}: `
      const isBuiltin = /Could not resolve "(node:)?(fs|http|https|crypto|path|os|net|child_process|process|buffer)"/.test(text)
      const why = isBuiltin ? ' (a plugin has no Node: no files, no network, no processes)' : (notes[0]?.text ?? '')
      return `${place}${text}${why && ` ${why}`}`
    })
    .join('\n')
}
