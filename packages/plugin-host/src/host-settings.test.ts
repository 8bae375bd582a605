import { expect, test } from 'vitest'
import { z } from 'zod'
import { hostSettings, toHostOptions } from './host-settings.ts'

const schema = z.object(hostSettings)

test('settings become options; what is not set stays as it is by default', () => {
  expect(toHostOptions(schema.parse({}))).toEqual({ controlGroup: undefined })
  const given = { SOUK_PLUGIN_RUNNERS: '4', SOUK_PLUGIN_MEMORY_MIB: '512', SOUK_PLUGIN_CONTROL_GROUP: '/sys/fs/cgroup/souk' }
  expect(toHostOptions(schema.parse(given))).toEqual({ runners: 4, memoryBytesMax: 536_870_912, controlGroup: '/sys/fs/cgroup/souk' })
})

test.each([{ SOUK_PLUGIN_RUNNERS: '1' }, { SOUK_PLUGIN_MEMORY_MIB: '100' }, { SOUK_PLUGIN_CONTROL_GROUP: 'souk' }])(
  'refuses %o',
  (given) => {
    expect(schema.safeParse(given).success).toBe(false)
  },
)
