import yargs from 'yargs'
import { adminsCommand, passwordCommand } from './commands/admins.ts'
import { archivesCommand } from './commands/archives.ts'
import { auditCommand } from './commands/audit.ts'
import { cellsCommand } from './commands/cells.ts'
import { doctorCommand } from './commands/doctor.ts'
import { fleetCommand } from './commands/fleet.ts'
import { merchantsCommand } from './commands/merchants.ts'
import { moveCommand, movesCommand } from './commands/moves.ts'
import { usageCommand } from './commands/usage.ts'
import { worksCommand } from './commands/works.ts'
import { completions } from './completions.ts'
import { contextOf, type Souk } from './context.ts'
import { PlainError } from './plain-error.ts'

const LINE_WIDTH_MAX = 110
// What the script in the shell calls, with the name of the program and all words so far.
const COMPLETE = '--get-yargs-completions'

/** Runs what was typed after the name, and answers the exit code: 0, 1 for what failed, 2 for what was written wrongly. */
export async function runSouk(typed: string[]): Promise<number> {
  process.exitCode = 0
  try {
    await souk(typed)
    return Number(process.exitCode)
  } catch (error) {
    // What an admin can act on is said plainly; anything else is a fault of this program, and shown whole.
    if (error instanceof PlainError && typed.includes('--json')) console.error(JSON.stringify(forPrograms(error), null, 2))
    else console.error(error instanceof PlainError ? error.message : error)
    return error instanceof PlainError ? error.exitCode : 1
  } finally {
    process.exitCode = 0
  }
}

/** An error under `--json`: what a person would read, and the problem document of the platform where there is one. */
function forPrograms({ message, exitCode, problem }: PlainError): object {
  return { error: { message, exit_code: exitCode, ...(problem && { problem }) } }
}

async function souk(typed: string[]): Promise<void> {
  const completing = typed[0] === COMPLETE
  const base = yargs(typed)
    .scriptName('souk')
    .usage('$0 <command>\n\nRuns the platform: its cells, its merchants, and where they live.')
    .option('json', { type: 'boolean', default: false, describe: 'Answer in JSON, for programs' })
    .option('api', { type: 'string', describe: 'Where the platform API is; else SOUK_API, or http://platform.localhost:3000' })
    .parserConfiguration({ 'parse-numbers': false, 'parse-positional-numbers': false }) as unknown as Souk
  if (completing) doNothing(base)
  const commands = [
    cellsCommand,
    merchantsCommand,
    archivesCommand,
    worksCommand,
    moveCommand,
    movesCommand,
    usageCommand,
    fleetCommand,
    adminsCommand,
    auditCommand,
    loginCommand,
    passwordCommand,
    doctorCommand,
  ]
  await commands
    .reduce((built, add) => add(built), base)
    .completion('completion', 'Print the script that completes these commands in bash or zsh', completions as never)
    .demandCommand(1, 'Which command? `souk --help` lists them.')
    .strict()
    .recommendCommands()
    .help()
    .alias('help', 'h')
    .version(false)
    .wrap(Math.min(LINE_WIDTH_MAX, process.stdout.columns ?? LINE_WIDTH_MAX))
    .exitProcess(false)
    .fail((message, error) => {
      // What is being typed is not complete yet: a shell that asks how it goes on is not told off.
      // What was typed comes with a message; what a command has thrown comes without one.
      if (!completing) throw message ? new PlainError(plainly(message, typed), 'usage') : error
    })
    .parseAsync()
}

function plainly(message: string, typed: string[]): string {
  const words = typed.filter((word) => !word.startsWith('-')).slice(0, 2)
  return message.startsWith('Not enough non-option arguments')
    ? `Something is missing: \`souk ${words.join(' ')} --help\` says what.`
    : message
}

/** While names to suggest are still looked for, yargs would begin the very command that is being completed. */
function doNothing(souk: Souk): void {
  const command = souk.command.bind(souk) as (...given: unknown[]) => Souk
  Object.assign(souk, {
    command: (name: unknown, description: unknown, builder: unknown) => command(name, description, builder ?? {}, () => {}),
  })
}

function loginCommand(souk: Souk): Souk {
  return souk.command('login', 'Sign in, so that the next ten minutes need no password', {}, async (given) => {
    const { platform, terminal } = contextOf(given as never)
    await platform.signIn()
    terminal.show({ signed_in: true }, () => 'Signed in.')
  }) as Souk
}
