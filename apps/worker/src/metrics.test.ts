import { PluginHost } from '@souk/plugin-host/plugin-host.ts'
import { expect, test } from 'vitest'
import { createMetrics, measurePlugins } from './metrics.ts'

test('tells of the processes that run plugins, counted by whoever runs them', async () => {
  const host = new PluginHost()
  const { registry } = createMetrics()
  measurePlugins(registry, host)
  const refused = {
    merchantId: 'm',
    bundle: { digest: 'd', source: 's' },
    configuration: null,
    cordon: 'stable',
    hook: 'no hook',
    input: null,
  } as const
  await host.call(refused)
  for (let looks = 0; looks < 2; looks++) {
    const text = await registry.metrics()
    expect(text).toContain('souk_plugin_calls_total{outcome="refused"} 1')
    expect(text).toContain('souk_plugin_calls_total{outcome="ok"} 0')
    expect(text).toMatch(/^souk_plugin_calls_queued 0$/m)
  }
  await host.close()
})
