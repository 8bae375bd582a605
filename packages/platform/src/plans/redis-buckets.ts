import { createClient, defineScript } from '@redis/client'
import type { RequestBuckets } from './request-buckets.ts'

export interface RedisBuckets extends RequestBuckets {
  close(): void
}

const CONNECT_TIMEOUT_MS = 2_000
const RECONNECT_MAX_MS = 2_000
// A connection whose other end is gone says nothing: it is asked, and given up when no answer comes.
const PING_EVERY_MS = 2_000
const SILENCE_MAX_MS = 5_000
const UNDER_WAY_MAX = 10_000

// Takes up to `wanted` requests, as platform.take_requests does in the directory. By the clock of Redis alone. A bucket that is full
// again says no more than one that there is not, and is forgotten.
const TAKE = `
local per_second, burst, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local kept = redis.call('HMGET', KEYS[1], 'left', 'at')
local at = math.min(tonumber(kept[2]) or now, now)
local available = math.min(burst, (tonumber(kept[1]) or burst) + (now - at) * per_second)
local granted = math.min(wanted, math.floor(available))
local wait_ms = 0
if granted < 1 then wait_ms = math.ceil((1 - available) / per_second * 1000) end
local left = available - granted
redis.call('HSET', KEYS[1], 'left', string.format('%.9f', left), 'at', string.format('%.6f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil((burst - left) / per_second * 1000) + 1000)
return { granted, wait_ms, math.floor(left) }`

/** The buckets in Redis. It connects by itself, again and again; while it does not, whoever asks is told at once. */
export function redisBuckets(url: string, onError: (error: unknown) => void): RedisBuckets {
  const client = createClient({
    url,
    RESP: 2,
    name: 'souk',
    disableOfflineQueue: true,
    commandsQueueMaxLength: UNDER_WAY_MAX,
    pingInterval: PING_EVERY_MS,
    socket: {
      connectTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: SILENCE_MAX_MS,
      reconnectStrategy: (retries) => Math.min(50 * 2 ** retries, RECONNECT_MAX_MS),
    },
    scripts: { takeRequests },
  })
  client.on('error', onError)
  client.connect().catch(onError)
  return {
    take: (merchantId, { per_second, burst }, wanted) => client.takeRequests(merchantId, per_second, burst, wanted),
    close: () => client.destroy(),
  }
}

const takeRequests = defineScript({
  SCRIPT: TAKE,
  NUMBER_OF_KEYS: 1,
  parseCommand(parser, merchantId: string, perSecond: number, burst: number, wanted: number) {
    parser.pushKey(`souk:requests:${merchantId}`)
    parser.push(String(perSecond), String(burst), String(wanted))
  },
  transformReply(reply: unknown) {
    const [granted, waitMs, remaining] = reply as [number, number, number]
    return { granted, waitMs, remaining }
  },
})
