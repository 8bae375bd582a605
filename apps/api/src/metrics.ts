import type { PluginHostStats } from '@souk/plugin-host/plugin-host.ts'
import type { Router } from '@souk/tenant-router/router.ts'
import type { FastifyInstance } from 'fastify'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

const DURATION_BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** What this process measures of itself, for the internal listener. No label carries a merchant or anything a caller wrote. */
export function measure(app: FastifyInstance, router: Router): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const duration = new Histogram({
    name: 'souk_http_request_duration_seconds',
    help: 'Time from the first header to the last byte of the answer.',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: DURATION_BUCKETS_S,
    registers: [registry],
  })
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'none'
    const method = route === 'none' ? 'any' : request.method
    duration.observe({ method, route, status: `${Math.floor(reply.statusCode / 100)}xx` }, reply.elapsedTime / 1000)
    done()
  })
  measurePools(registry, router)
  return registry
}

function measurePools(registry: Registry, router: Router): void {
  const gauge = (name: string, help: string, value: (load: { taken: number; waiting: number }) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ['cell'] as const,
      registers: [registry],
      collect() {
        for (const [cell, load] of Object.entries(router.load())) this.set({ cell }, value(load))
      },
    })
  gauge('souk_cell_connections_taken', 'Connections to a cell that are in use.', (load) => load.taken)
  gauge('souk_cell_connections_waiting', 'Callers waiting for a connection to a cell.', (load) => load.waiting)
}

/** What runs plugins for this process. The host counts by itself; it is read when it is asked for. */
export function measurePlugins(registry: Registry, host: { stats(): PluginHostStats }): void {
  const registers = [registry]
  new Counter({
    ...{ name: 'souk_plugin_calls_total', help: 'Calls of plugins, by how they ended.', labelNames: ['outcome'] as const, registers },
    collect() {
      this.reset()
      for (const [outcome, count] of Object.entries(host.stats().answers)) this.inc({ outcome }, count)
    },
  })
  const counter = (name: string, help: string, value: (stats: PluginHostStats) => number) =>
    new Counter({
      ...{ name, help, registers },
      collect() {
        this.reset()
        this.inc(value(host.stats()))
      },
    })
  counter('souk_plugin_kills_total', 'Processes ended because of a plugin.', ({ kills }) => kills)
  counter('souk_plugin_starts_total', 'Processes started to run plugins.', ({ starts }) => starts)
  counter('souk_plugin_differences_total', 'Calls made again that answered otherwise.', ({ differences }) => differences)
  new Gauge({
    ...{ name: 'souk_plugin_runners', help: 'Processes that run plugins.', labelNames: ['cordon', 'state'] as const, registers },
    collect() {
      this.reset()
      for (const { cordon, isBusy } of host.stats().runners) this.inc({ cordon, state: isBusy ? 'busy' : 'idle' })
    },
  })
  const gauge = (name: string, help: string, value: (stats: PluginHostStats) => number) =>
    new Gauge({
      ...{ name, help, registers },
      collect() {
        this.set(value(host.stats()))
      },
    })
  gauge('souk_plugin_calls_queued', 'Calls that wait for a process.', ({ queued }) => queued)
  gauge('souk_plugin_resident_bytes', 'Memory of the processes that run plugins.', ({ rssBytes }) => rssBytes)
}
