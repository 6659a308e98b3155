import type { Narrow } from '@auction/common/postgres/database.ts'
import type { Category, NoticeData } from '#src/domain/notices.ts'
import type * as tables from './tables.ts'

/** The tables as tables.ts generates them, with the types that the database does not know. */
export interface Database extends Omit<tables.DB, keyof Narrowed>, Narrowed {}

interface Narrowed {
  notices: Narrow<tables.Notices, { data: NoticeData }>
  preferences: Narrow<tables.Preferences, { category: Category }>
}
