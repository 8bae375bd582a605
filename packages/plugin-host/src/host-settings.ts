import { z } from 'zod'
import type { PluginHostOptions } from './plugin-host.ts'

const MEMORY_MIB_MIN = 256

/** What an operator may say of runner processes, for an app's own schema of its environment. */
export const hostSettings = {
  SOUK_PLUGIN_RUNNERS: z.coerce.number().int().min(2).max(64).optional(),
  SOUK_PLUGIN_MEMORY_MIB: z.coerce.number().int().min(MEMORY_MIB_MIN).optional(),
  SOUK_PLUGIN_CONTROL_GROUP: z.string().startsWith('/').optional(),
}

interface HostSettings {
  SOUK_PLUGIN_RUNNERS?: number | undefined
  SOUK_PLUGIN_MEMORY_MIB?: number | undefined
  SOUK_PLUGIN_CONTROL_GROUP?: string | undefined
}

export function toHostOptions(given: HostSettings): PluginHostOptions {
  return {
    ...(given.SOUK_PLUGIN_RUNNERS !== undefined && { runners: given.SOUK_PLUGIN_RUNNERS }),
    ...(given.SOUK_PLUGIN_MEMORY_MIB !== undefined && { memoryBytesMax: given.SOUK_PLUGIN_MEMORY_MIB * 1_048_576 }),
    controlGroup: given.SOUK_PLUGIN_CONTROL_GROUP,
  }
}
