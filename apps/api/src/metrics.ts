import { HOST_FIGURES } from '@souk/plugin-host/host-figures.ts'
import type { PluginHostStats } from '@souk/plugin-host/plugin-host.ts'
import type { Router } from '@souk/tenant-router/router.ts'
import type { FastifyInstance } from 'fastify'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { EarlyRefusals } from './quotas/early-refusals.ts'

const DURATION_BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** What this process measures of itself, for the internal listener. No label carries a merchant or anything a caller wrote. */
export function measure(app: FastifyInstance, router: Router, early: Pick<EarlyRefusals, 'figures'>): Registry {
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
  measureRefusals(registry, early)
  return registry
}

/** Requests that are refused before a route was found are in no other figure. */
function measureRefusals(registry: Registry, early: Pick<EarlyRefusals, 'figures'>): void {
  new Counter({
    name: 'souk_http_early_refusals_total',
    help: "Requests over their merchant's rate that were refused before anything was done.",
    registers: [registry],
    collect() {
      this.reset()
      this.inc(early.figures.refused)
    },
  })
  new Gauge({
    name: 'souk_http_early_refusals_held',
    help: 'Of these, answers that wait, so that those who send far too much send less.',
    registers: [registry],
    collect() {
      this.set(early.figures.held)
    },
  })
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
  for (const { name, help, kind, labels: labelNames, read } of HOST_FIGURES) {
    function collect(this: { reset(): void; inc(labels: Record<string, string>, value: number): void }) {
      this.reset()
      for (const { labels, value } of read(host.stats())) this.inc(labels, value)
    }
    const settings = { name, help, labelNames: [...labelNames], registers: [registry], collect }
    if (kind === 'gauge') new Gauge(settings)
    else new Counter(settings)
  }
}
