import { expect, test } from 'vitest'
import { PluginHost } from './plugin-host.ts'
import { callOf, HARMLESS, until } from './testing/plugins.ts'

test('when no process comes up, calls are answered all the same and somebody is told', async () => {
  const failures: string[] = []
  const host = new PluginHost({
    files: {
      runner: new URL('./testing/abandoning-parent.ts', import.meta.url),
      sourceCheckThread: new URL('./source-check-thread.ts', import.meta.url),
    },
    queueMsMax: 500,
    onStartFailure: (detail) => failures.push(detail),
  })
  try {
    const answer = await host.call(callOf(HARMLESS))
    expect(answer).toMatchObject({ ok: false, reason: 'unavailable', detail: expect.stringContaining('a runner did not start') })
    expect(failures[0]).toContain('ERR_ACCESS_DENIED')
    await until(() => failures.length >= 2)
    expect(host.stats()).toMatchObject({ starts: 0, spares: 0, running: 0, queued: 0, startFailure: failures.at(-1) })
  } finally {
    await host.close()
  }
})

test('runners that nobody uses end, and come back when they are needed', async () => {
  const host = new PluginHost({ idleMsMax: 300, repeatRate: 0, queueMsMax: 20_000, putOffMsMax: 20_000 })
  try {
    expect(await host.call(callOf(HARMLESS, { cordon: 'new', input: { n: 1 } }))).toMatchObject({ ok: true })
    await until(() => host.stats().runners.length === 0)
    expect(await host.call(callOf(HARMLESS, { cordon: 'new', input: { n: 2 } }))).toMatchObject({ ok: true, output: { n: 3 } })
  } finally {
    await host.close()
  }
})
