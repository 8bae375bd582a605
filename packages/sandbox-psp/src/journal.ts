import { constants } from 'node:fs'
import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'

/** What happened together: one line of the file, so after a crash it is there as a whole or not at all. */
export interface Line<Entry> {
  seq: number
  at: string
  entries: Entry[]
}

/**
 * An append-only file of lines. `flushed()` fulfils when everything appended so far would survive a power cut; appends
 * that come while the disk is busy share the next fsync. When the disk refuses, the process must not go on: `failed` says so.
 */
export class Journal<Entry> {
  readonly #file: FileHandle
  #next: number
  /** The last line that would survive. */
  #durable: number
  #waiting: string[] = []
  #writing: Promise<void> | undefined
  readonly #onFailure: (error: Error) => void

  private constructor(file: FileHandle, next: number, onFailure: (error: Error) => void) {
    this.#file = file
    this.#next = next
    this.#durable = next - 1
    this.#onFailure = onFailure
  }

  /** Reads what is there. A last line that a crash cut short was never answered for and is taken away; any other damage is an error. */
  static async open<Entry>(path: string, onFailure: (error: Error) => void): Promise<{ journal: Journal<Entry>; lines: Line<Entry>[] }> {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND, 0o600)
    const text = await file.readFile('utf8')
    const whole = text.slice(0, text.lastIndexOf('\n') + 1)
    if (whole.length < text.length) await file.truncate(Buffer.byteLength(whole))
    await file.datasync()
    const lines = readLines<Entry>(whole)
    return { journal: new Journal<Entry>(file, lines.length + 1, onFailure), lines }
  }

  append(entries: Entry[], at: Date): Line<Entry> {
    const line = { seq: this.#next++, at: at.toISOString(), entries }
    this.#waiting.push(`${JSON.stringify(line)}\n`)
    return line
  }

  async flushed(): Promise<void> {
    const last = this.#next - 1
    while (this.#durable < last) {
      this.#writing ??= this.#write().finally(() => {
        this.#writing = undefined
      })
      await this.#writing
    }
  }

  async close(): Promise<void> {
    await this.flushed()
    await this.#file.close()
  }

  async #write(): Promise<void> {
    const batch = this.#waiting
    const last = this.#next - 1
    this.#waiting = []
    try {
      await this.#file.appendFile(batch.join(''))
      await this.#file.datasync()
      this.#durable = last
    } catch (error) {
      this.#onFailure(error as Error)
      throw error
    }
  }
}

/** The lines of a journal's text, in order and without a gap. */
export function readLines<Entry>(text: string): Line<Entry>[] {
  const lines = text.split('\n').slice(0, -1)
  return lines.map((json, index) => {
    const line = parse<Entry>(json)
    if (line?.seq !== index + 1) throw new Error(`The journal is damaged in line ${index + 1}.`)
    return line
  })
}

function parse<Entry>(json: string): Line<Entry> | undefined {
  try {
    return JSON.parse(json) as Line<Entry>
  } catch {
    return undefined
  }
}
