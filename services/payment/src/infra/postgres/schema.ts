import type * as tables from './tables.ts'

/** The tables as tables.ts generates them. */
export type Database = tables.DB
