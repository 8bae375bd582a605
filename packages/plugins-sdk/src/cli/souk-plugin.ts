import { Command } from 'commander'
import { PluginFault } from '../kit/bundle.ts'
import { closeSandbox, SandboxFault } from '../kit/sandbox.ts'
import { SDK_VERSION } from '../manifest.ts'
import { buildCommand } from './build-command.ts'
import { devCommand } from './dev-command.ts'
import { initCommand } from './init-command.ts'
import { installCommand } from './install-command.ts'
import { logsCommand } from './logs-command.ts'
import { pushCommand } from './push-command.ts'
import { replayCommand } from './replay-command.ts'
import { conformanceCommand, testCommand } from './test-command.ts'

/** The `souk-plugin` command. Says what went wrong in a sentence, and ends with 1. */
export async function main(parameters: readonly string[]): Promise<void> {
  const program = new Command('souk-plugin')
    .description('Write, try, push and follow a plugin for a Souk shop.')
    .version(SDK_VERSION)
    .showHelpAfterError()
  const commands = [
    initCommand,
    devCommand,
    testCommand,
    conformanceCommand,
    buildCommand,
    pushCommand,
    installCommand,
    logsCommand,
    replayCommand,
  ]
  for (const command of commands) program.addCommand(command())
  try {
    await program.parseAsync(parameters)
  } catch (error) {
    if (!(error instanceof PluginFault || error instanceof SandboxFault)) throw error
    console.error(error.message)
    process.exitCode = 1
  } finally {
    await closeSandbox()
  }
}
