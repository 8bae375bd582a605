import { expect, test } from 'vitest'
import { z } from 'zod'
import { writeFromZod } from './serialization.ts'

const schema = z.strictObject({
  name: z.string().nullable(),
  action: z
    .discriminatedUnion('type', [
      z.strictObject({ type: z.literal('redirect'), url: z.string() }),
      z.strictObject({ type: z.literal('client'), client_secret: z.string() }),
    ])
    .nullable(),
})
const write = writeFromZod({ schema } as never)

test.each([
  { name: null, action: null },
  { name: 'Ada', action: { type: 'redirect', url: 'https://bank.example' } },
  { name: 'Ada', action: { type: 'client', client_secret: 'secret' } },
])('what may be missing, or one of several things, is written: %j', (answer) => {
  expect(JSON.parse(write(answer))).toEqual(answer)
})
