import { readSync, writeSync } from 'node:fs'
import { type CallMessage, encodeFrame, type Frame, FrameReader, type HostMessage, type RunnerMessage } from './frames.ts'
import { IsolateCache, type IsolateKey } from './isolate-cache.ts'
import { KILL_GRACE_MS, LOAD_MS_MAX } from './limits.ts'
import type { IsolateAnswer } from './plugin-isolate.ts'
import { Watchdog } from './watchdog.ts'

// The runner: the process in which plugins run, and nothing else. It reads one message, answers it, and reads the next; reading blocks. There
// is no event loop to starve, and when the host is gone reading ends and so does the process.
//   node runner.ts <most resident bytes> <resident bytes at which it gives up isolates> <process id of the host> <most ms a kill is put off>

const SOCKET = 3
const CHUNK_BYTES = 65_536
/** Disposed isolates give their memory back slowly. */
const SHRINK_PAUSE_MS = 300
const STARVED_SHARE = 0.5
const AGAIN_MS_MAX = KILL_GRACE_MS * 0.6

const memoryBytesMax = Number(process.argv[2])
const memoryBytesTarget = Number(process.argv[3])
const watchdog = new Watchdog(memoryBytesMax, Number(process.argv[4]), Number(process.argv[5]))
const cache = new IsolateCache()
const reader = new FrameReader<HostMessage>()
/** What is left for after the answer, when nobody waits. True when an answer turned out different the second time. */
let afterwards: (() => boolean)[] = []
let hasAnnouncedMore = false
let shrunkAt = 0

cache.keepBlank()
send({ type: 'ready' })
for (;;) {
  const { message, text } = receive()
  const replied = reply(message, text)
  send(replied.message, replied.text)
  if (hasAnnouncedMore) send({ type: 'rested', differed: doWhatIsLeft() })
}

function doWhatIsLeft(): boolean {
  watchdog.begin(LOAD_MS_MAX)
  const differed = afterwards.map((work) => work()).includes(true)
  watchdog.end()
  afterwards = []
  hasAnnouncedMore = false
  return differed
}

function reply(message: HostMessage, text: string): Frame<RunnerMessage> {
  switch (message.type) {
    case 'call':
      return call(message, text)
    case 'load':
      if (message.withSource) cache.keepSource(message.digest, text)
      return load(message)
    case 'inspect':
      return inspect(text, message.wallMs)
  }
}

function call(message: CallMessage, input: string): Frame<RunnerMessage> {
  const isolate = cache.find(message)
  if (isolate === undefined) return frame({ type: 'cold', needsSource: cache.source(message.digest) === undefined })
  watchdog.begin(message.wallMs + KILL_GRACE_MS)
  const asked = { ...message, input }
  let answered = isolate.call(asked)
  if (isolate.isWorn) cache.remove(message)
  if (ranOutOfTimeWaiting(answered, message.wallMs)) answered = callAgain(asked) ?? answered
  watchdog.end()
  if (watchdog.residentBytes > memoryBytesTarget && performance.now() - shrunkAt > SHRINK_PAUSE_MS) afterwards.push(giveUpMemory)
  if (message.repeat && answered.ok) afterwards.push(() => differsInAFreshIsolate(asked, answered.json))
  return answer(answered)
}

/** The clock ran out while this process did not have the processor. Not the plugin's fault, and it is pure: it may run again. */
function ranOutOfTimeWaiting(answered: IsolateAnswer, wallMs: number): boolean {
  if (answered.ok || answered.reason !== 'timeout') return false
  return answered.cpuMs < wallMs * STARVED_SHARE && answered.wallMs + AGAIN_MS_MAX < wallMs + KILL_GRACE_MS
}

/** Within what is left of the host's patience. Undefined when that was in vain. */
function callAgain(asked: CallMessage & { input: string }): IsolateAnswer | undefined {
  const source = cache.source(asked.digest)
  if (source === undefined) return undefined
  const isolate = cache.takeBlank()
  afterwards.push(prepareBlank)
  const loaded = isolate.load(source)
  const answered = loaded.ok ? isolate.call({ ...asked, wallMs: Math.min(asked.wallMs, AGAIN_MS_MAX) }) : loaded
  if (isolate.isWorn) isolate.dispose()
  else cache.add(asked, isolate)
  return answered.ok || answered.reason !== 'timeout' ? answered : undefined
}

function load(key: IsolateKey): Frame<RunnerMessage> {
  const source = cache.source(key.digest)
  if (source === undefined) return frame({ type: 'cold', needsSource: true })
  watchdog.begin(LOAD_MS_MAX)
  const isolate = cache.takeBlank()
  afterwards.push(prepareBlank)
  const loaded = isolate.load(source)
  watchdog.end()
  if (loaded.ok) {
    cache.add(key, isolate)
    return frame({ type: 'loaded' })
  }
  isolate.dispose()
  return answer({ ...loaded, reason: loaded.reason === 'threw' ? 'refused' : loaded.reason })
}

function inspect(source: string, wallMs: number): Frame<RunnerMessage> {
  const isolate = cache.takeBlank()
  afterwards.push(prepareBlank)
  watchdog.begin(LOAD_MS_MAX + wallMs)
  const loaded = isolate.load(source)
  const answered = loaded.ok ? isolate.hooks(wallMs) : loaded
  watchdog.end()
  isolate.dispose()
  return answer(answered)
}

function differsInAFreshIsolate(asked: CallMessage & { input: string }, first: string): boolean {
  const source = cache.source(asked.digest)
  if (source === undefined) return false
  const isolate = cache.takeBlank()
  const loaded = isolate.load(source)
  const again: IsolateAnswer = loaded.ok ? isolate.call(asked) : loaded
  isolate.dispose()
  prepareBlank()
  // Out of time the second time says nothing about the first.
  return again.ok ? again.json !== first : again.reason !== 'timeout'
}

function prepareBlank(): boolean {
  cache.keepBlank()
  return false
}

function giveUpMemory(): boolean {
  cache.shrink()
  shrunkAt = performance.now()
  return false
}

function answer(answered: IsolateAnswer): Frame<RunnerMessage> {
  const { ok, cpuMs, wallMs, heapBytes, logs } = answered
  const failure = answered.ok ? {} : { reason: answered.reason, detail: answered.detail }
  hasAnnouncedMore = afterwards.length > 0
  const used = process.cpuUsage()
  const usedMs = (used.user + used.system) / 1_000
  const state = { isolates: cache.size, rssBytes: watchdog.residentBytes, usedMs, more: hasAnnouncedMore }
  return frame({ type: 'answer', ok, ...failure, cpuMs, wallMs, heapBytes, logs, ...state }, answered.ok ? answered.json : '')
}

function frame(message: RunnerMessage, text = ''): Frame<RunnerMessage> {
  return { message, text }
}

function send(message: RunnerMessage, text = ''): void {
  const bytes = encodeFrame(message, text)
  for (let sent = 0; sent < bytes.length; ) sent += writeSync(SOCKET, bytes, sent)
}

function receive(): Frame<HostMessage> {
  for (;;) {
    const received = reader.next()
    if (received !== undefined) return received
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
    const bytes = readSync(SOCKET, chunk, 0, CHUNK_BYTES, null)
    if (bytes === 0) process.exit(0)
    reader.push(chunk.subarray(0, bytes))
  }
}
