import { fileURLToPath } from 'node:url'
import { type MigrationSet, serviceMigrations } from '../postgres/migrate.ts'

/** What the kit needs to know of a service that owns a database. */
export interface Service {
  /** The name in logs, metrics, traces, queues and tokens. */
  readonly name: string
  readonly migrations: readonly MigrationSet[]
}

/** Describes a service; `url` is `import.meta.url` of a file in the root of its `src`. */
export function defineService(name: string, url: string): Service {
  const folder = fileURLToPath(new URL('../migrations', url))
  return { name, migrations: serviceMigrations(name, folder) }
}
