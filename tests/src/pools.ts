import pg from 'pg'

/**
 * A small pool for looking into a database whose server a run kills, stops or drops. A connection that is
 * lost while idle is no error of the run: the next query on it fails. That goes for the end of the pool as
 * well, since `end` answers before the connections are closed.
 */
export function openPool(connectionString: string, max = 1): pg.Pool {
  const pool = new pg.Pool({ connectionString, max })
  pool.on('error', () => undefined)
  return pool
}
