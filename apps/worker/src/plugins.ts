import type { ShipmentDeps } from '@souk/core/fulfillment/perform-shipment.ts'
import { planBudget } from '@souk/core/plugins/budget.ts'
import { PluginRuntime } from '@souk/core/plugins/plugin-runtime.ts'
import { SECRETS_PURPOSE } from '@souk/core/plugins/secrets.ts'
import { SecretBox } from '@souk/core/secret-box.ts'
import { CarrierClient } from '@souk/plugin-host/carrier-client.ts'
import { PluginHost, type PluginHostStats } from '@souk/plugin-host/plugin-host.ts'
import { ProviderCaller } from '@souk/plugin-host/provider-caller.ts'
import type { Router } from '@souk/tenant-router/router.ts'
import type { WorkerConfig } from './config.ts'
import { describeError } from './describe-error.ts'
import type { Log } from './log.ts'
import type { Allowances } from './worker.ts'

/** What the worker's tasks need to ask plugins and carriers. Runners start with the first call. */
export function startPlugins(
  config: WorkerConfig,
  log: Log,
): { depsFor(router: Router, allowances: Allowances): ShipmentDeps; stats(): PluginHostStats; stop(): Promise<void> } {
  const host = new PluginHost({
    ...config.pluginHost,
    onStartFailure: (detail) => log.error({ error: detail }, 'a plugin runner did not start'),
    onRunnerKilled: ({ merchantId, digest }) => log.warn({ merchantId, plugin: digest }, 'a plugin had its runner killed'),
    onDifference: ({ merchantId, digest }) => log.error({ merchantId, plugin: digest }, 'a plugin answered the same question otherwise'),
  })
  const runtimes: PluginRuntime[] = []
  return {
    depsFor: (router, { limitsOf, count }) => {
      const runtime = new PluginRuntime({
        port: new ProviderCaller(host),
        isBlocked: (asked) => router.directory.pluginBlocks.isBlocked(asked),
        onError: (error) => log.warn({ error: describeError(error) }, 'the log of plugin calls was not written'),
        budgetOf: (merchantId) => planBudget(limitsOf(merchantId).plugins),
        onCpu: (merchantId, plugin_cpu_ms) => count(merchantId, { plugin_cpu_ms }),
      })
      runtimes.push(runtime)
      return {
        carriers: runtime,
        port: new CarrierClient({ redirectedHosts: config.redirectedHosts }),
        secretBox: new SecretBox({ keys: config.tokenKeys }, SECRETS_PURPOSE),
      }
    },
    stats: () => host.stats(),
    stop: async () => {
      await Promise.all(runtimes.map((runtime) => runtime.close()))
      await host.close()
    },
  }
}
