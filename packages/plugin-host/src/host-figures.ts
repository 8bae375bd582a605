import type { PluginHostStats } from './plugin-host.ts'

export interface Figure {
  name: string
  help: string
  /** A counter goes on from what it was; a gauge is what is now. */
  kind: 'counter' | 'gauge'
  labels: readonly string[]
  read(stats: PluginHostStats): { labels: Record<string, string>; value: number }[]
}

/** What a process that runs plugins tells of them, in whichever metrics library it has. No label carries a merchant or a plugin. */
export const HOST_FIGURES: readonly Figure[] = [
  {
    name: 'souk_plugin_calls_total',
    help: 'Calls of plugins, by how they ended.',
    kind: 'counter',
    labels: ['outcome'],
    read: ({ answers }) => Object.entries(answers).map(([outcome, value]) => ({ labels: { outcome }, value })),
  },
  one('counter', 'souk_plugin_kills_total', 'Processes ended because of a plugin.', ({ kills }) => kills),
  one('counter', 'souk_plugin_starts_total', 'Processes started to run plugins.', ({ starts }) => starts),
  one('counter', 'souk_plugin_differences_total', 'Calls made again that answered otherwise.', ({ differences }) => differences),
  {
    name: 'souk_plugin_runners',
    help: 'Processes that run plugins.',
    kind: 'gauge',
    labels: ['cordon', 'state'],
    read: ({ runners }) => runners.map(({ cordon, isBusy }) => ({ labels: { cordon, state: isBusy ? 'busy' : 'idle' }, value: 1 })),
  },
  one('gauge', 'souk_plugin_calls_queued', 'Calls that wait for a process.', ({ queued }) => queued),
  one('gauge', 'souk_plugin_resident_bytes', 'Memory of the processes that run plugins.', ({ rssBytes }) => rssBytes),
]

function one(kind: Figure['kind'], name: string, help: string, value: (stats: PluginHostStats) => number): Figure {
  return { name, help, kind, labels: [], read: (stats) => [{ labels: {}, value: value(stats) }] }
}
