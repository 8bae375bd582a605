import { z } from 'zod'

export interface PspConfig {
  host: string
  /** 0: any. */
  port: number
  /** How buyers reach it, when not at host and port. */
  publicUrl: string | undefined
  folder: string
  controlToken: string
}

const environment = z.object({
  HOST: z.string().default('127.0.0.1'),
  PORT: z.coerce.number().int().min(0).max(65_535).default(0),
  SANDBOX_PSP_PUBLIC_URL: z.url({ protocol: /^https?$/ }).optional(),
  /** Where the journal is. */
  SANDBOX_PSP_FOLDER: z.string().min(1),
  SANDBOX_PSP_CONTROL_TOKEN: z.string().min(16),
})

/** Reads what the process was given, or throws one error that names every setting that is wrong, and no value. */
export function readConfig(env: NodeJS.ProcessEnv): PspConfig {
  const { data, error } = environment.safeParse(env)
  if (error) {
    const problems = error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
    throw new Error(`The sandbox provider cannot start with these settings.\n${problems.join('\n')}`)
  }
  return {
    host: data.HOST,
    port: data.PORT,
    publicUrl: data.SANDBOX_PSP_PUBLIC_URL?.replace(/\/$/, ''),
    folder: data.SANDBOX_PSP_FOLDER,
    controlToken: data.SANDBOX_PSP_CONTROL_TOKEN,
  }
}
