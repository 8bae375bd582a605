import buildSerializer from 'fast-json-stringify'
import type { FastifySerializerCompiler } from 'fastify'
import { type core, toJSONSchema, type ZodType } from 'zod'

/**
 * Writes answers with a function compiled from the zod schema's JSON Schema: several times faster than parsing every
 * answer with zod first. It writes the declared fields and no others, and fails when one is missing. That answers are right
 * in every detail is what the tests check, by parsing real ones.
 */
export const writeFromZod: FastifySerializerCompiler<ZodType> = ({ schema }) => {
  const write = buildSerializer(jsonSchemaOf(schema) as never)
  return (data) => write(data)
}

function jsonSchemaOf(schema: ZodType): unknown {
  return toJSONSchema(schema, {
    io: 'output',
    target: 'draft-7',
    reused: 'inline',
    unrepresentable: 'any',
    override: ({ jsonSchema }) => foldNullable(jsonSchema),
  })
}

/** `anyOf [X, null]` would make the writer try each branch with a validator; `nullable` is one comparison, but only beside a type. */
function foldNullable(schema: core.JSONSchema.BaseSchema): void {
  const branches = schema.anyOf as core.JSONSchema.BaseSchema[] | undefined
  if (branches?.length !== 2) return
  const rest = branches.filter((branch) => branch.type !== 'null')
  if (rest.length !== 1 || rest[0]!.type === undefined) return
  delete schema.anyOf
  Object.assign(schema, rest[0], { nullable: true })
}
