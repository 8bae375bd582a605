import { expect, test } from 'vitest'
import { encodeFrame, FrameReader, type RunnerMessage } from './frames.ts'

const READY: RunnerMessage = { type: 'ready' }
const COLD: RunnerMessage = { type: 'cold', needsSource: true }

function readAll(chunks: Buffer[]): unknown[] {
  const reader = new FrameReader<RunnerMessage>()
  const found: unknown[] = []
  for (const chunk of chunks) {
    reader.push(chunk)
    for (let frame = reader.next(); frame !== undefined; frame = reader.next()) found.push(frame)
  }
  return found
}

test('frames are the same however they were cut', () => {
  const bytes = Buffer.concat([encodeFrame(READY), encodeFrame(COLD, '{"ü":"👍"}'), encodeFrame(READY, '')])
  const expected = [
    { message: READY, text: '' },
    { message: COLD, text: '{"ü":"👍"}' },
    { message: READY, text: '' },
  ]
  expect(readAll([bytes])).toEqual(expected)
  for (const size of [1, 2, 3, 7, 8, 9, 30]) {
    const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => bytes.subarray(at * size, (at + 1) * size))
    expect(readAll(chunks), `in pieces of ${size}`).toEqual(expected)
  }
})

test('lengths that nobody sends are refused', () => {
  expect(() => readAll([Buffer.from('ffffffff00000001', 'hex')])).toThrow('a frame of 4294967295 bytes')
  expect(() => readAll([Buffer.from('0000000100000002', 'hex')])).toThrow('a frame of 1 bytes')
})
