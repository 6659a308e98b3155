import { type ColumnType, Kysely, PostgresDialect } from 'kysely'
import type { Pool } from 'pg'

/**
 * A table whose columns have the narrower types of `Columns`, for what the database knows only as
 * text or JSON. Null, defaults and the type that is written stay those of the database.
 */
export type Narrow<Table, Columns extends { [Name in keyof Table]?: unknown }> = {
  [Name in keyof Table]: Name extends keyof Columns
    ? NarrowColumn<Table[Name], Columns[Name]>
    : Table[Name]
}

type NarrowColumn<Column, Value> = Column extends null
  ? null
  : Column extends ColumnType<unknown, infer Insert, infer Update>
    ? ColumnType<Value, Insert, Update>
    : Value

/** Typed queries over the pool; ending the pool is its owner's business. */
export function createDatabase<DB>(pool: Pool): Kysely<DB> {
  return new Kysely<DB>({ dialect: new PostgresDialect({ pool }) })
}
