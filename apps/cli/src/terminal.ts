import { cancel, confirm, isCancel, password, progress, text } from '@clack/prompts'
import { PlainError } from './plain-error.ts'
import type { Credentials } from './platform.ts'

/** What the program shows: text for people, or JSON alone for programs (`--json`). */
export class Terminal {
  readonly json: boolean
  readonly #interactive: boolean

  constructor(json: boolean) {
    this.json = json
    this.#interactive = !json && process.stdin.isTTY === true && process.stdout.isTTY === true
  }

  /** The result of a command: as JSON, or as `lines` puts it. */
  show(data: unknown, lines: () => string): void {
    console.log(this.json ? JSON.stringify(data, null, 2) : lines())
  }

  /** Something said on the way. Programs do not want to hear it. */
  say(line: string): void {
    if (!this.json) console.log(line)
  }

  /** Goes on only if that is really wanted: `--yes`, or a person says so. */
  async confirm(what: string, yes: boolean): Promise<void> {
    if (yes) return
    if (!this.#interactive) throw new PlainError(`${what}\nSay --yes to do it, or --dry-run to see what would be done.`, 'usage')
    const answer = await confirm({ message: `${what} Go on?`, initialValue: false })
    if (isCancel(answer) || !answer) throw new PlainError('Nothing was done.')
  }

  async askCredentials(email: string | undefined): Promise<Credentials> {
    if (!this.#interactive)
      throw new PlainError('Who are you? Set SOUK_ADMIN_EMAIL and SOUK_ADMIN_PASSWORD, or run `souk login` at a terminal.')
    const address = email ?? (await text({ message: 'E-mail address of the admin' }))
    const secret = isCancel(address) ? address : await password({ message: 'Password' })
    if (isCancel(address) || isCancel(secret)) {
      cancel('Not signed in.')
      throw new PlainError('Not signed in.')
    }
    return { email: address, password: secret }
  }

  async askNewPassword(): Promise<string> {
    if (!this.#interactive) throw new PlainError('Which password? Set SOUK_ADMIN_NEW_PASSWORD, or run this at a terminal.', 'usage')
    const [first, second] = [await password({ message: 'New password' }), await password({ message: 'Once more' })]
    if (isCancel(first) || isCancel(second)) throw new PlainError('Nothing was done.')
    if (first !== second) throw new PlainError('These are two passwords. Nothing was done.')
    return first as string
  }

  /** A bar of so many steps at a terminal; elsewhere a line whenever something new is said. */
  bar(steps: number, begin: string): { to(step: number, message: string): void; end(message: string): void; fail(message: string): void } {
    if (this.#interactive) return clackBar(steps, begin)
    let said = ''
    const say = (message: string) => {
      if (message !== said) this.say(message)
      said = message
    }
    say(begin)
    return { to: (_step, message) => say(message), end: say, fail: say }
  }
}

function clackBar(steps: number, begin: string) {
  const bar = progress({ max: steps, style: 'heavy', size: 30 })
  let reached = 0
  bar.start(begin)
  return {
    to: (step: number, message: string) => {
      bar.advance(Math.max(0, step - reached), message)
      reached = Math.max(reached, step)
    },
    end: (message: string) => {
      bar.advance(steps - reached, message)
      bar.stop(message)
    },
    fail: (message: string) => bar.error(message),
  }
}

/** Rows under their headings, in columns as wide as they need to be. */
export function table(headings: string[], rows: string[][]): string {
  const widths = headings.map((heading, column) => Math.max(heading.length, ...rows.map((row) => (row[column] ?? '').length)))
  const line = (cells: string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd()
  return [line(headings), ...rows.map(line)].join('\n')
}

/** `3 min` for a moment that long ago. */
export function ago(time: string, now = Date.now()): string {
  const seconds = Math.max(0, Math.round((now - Date.parse(time)) / 1_000))
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`
  return `${Math.round(seconds / 86_400)} days`
}
