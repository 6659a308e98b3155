import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'

type Line = { c: string; k: string; v?: unknown }

/**
 * Objects by collection and id, in a file of one line a change: what was answered is there after a kill.
 * The file is written whole when it is opened, so it does not grow for ever.
 */
export class Store {
  readonly #file: string | undefined
  readonly #collections = new Map<string, Map<string, unknown>>()

  /** Without a file nothing is kept. */
  constructor(file?: string) {
    this.#file = file
    if (file === undefined) return
    mkdirSync(dirname(file), { recursive: true })
    if (existsSync(file)) this.#read(readFileSync(file, 'utf8'))
    const lines = [...this.#collections].flatMap(([c, objects]) =>
      [...objects].map(([k, v]) => `${JSON.stringify({ c, k, v })}\n`),
    )
    writeFileSync(`${file}.new`, lines.join(''), { mode: 0o600 })
    renameSync(`${file}.new`, file)
  }

  #read(text: string): void {
    for (const line of text.split('\n')) {
      const change = parseLine(line)
      if (change === undefined) continue
      const { c, k, v } = change
      if (v === undefined) this.#of(c).delete(k)
      else this.#of(c).set(k, v)
    }
  }

  #of(collection: string): Map<string, unknown> {
    const found = this.#collections.get(collection) ?? new Map<string, unknown>()
    this.#collections.set(collection, found)
    return found
  }

  #append(line: Line): void {
    if (this.#file !== undefined) appendFileSync(this.#file, `${JSON.stringify(line)}\n`)
  }

  get<T>(collection: string, id: string): T | undefined {
    return this.#of(collection).get(id) as T | undefined
  }

  /** In the order in which they were made. */
  all<T>(collection: string): T[] {
    return [...this.#of(collection).values()] as T[]
  }

  put<T>(collection: string, id: string, value: T): T {
    this.#of(collection).set(id, value)
    this.#append({ c: collection, k: id, v: value })
    return value
  }

  delete(collection: string, id: string): void {
    if (this.#of(collection).delete(id)) this.#append({ c: collection, k: id })
  }
}

/** The last line is cut off when the process was killed while it wrote. */
function parseLine(line: string): Line | undefined {
  try {
    return line === '' ? undefined : (JSON.parse(line) as Line)
  } catch {
    return undefined
  }
}
