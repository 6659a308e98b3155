import { sql } from 'kysely'
import t from 'tap'
import { PERSON, startIdentity } from '../helper.ts'

t.test('a dump of the whole database holds no password and no token', async (t) => {
  const { db, register, login, refresh } = await startIdentity(t)
  await register({})
  const first = (await login({})).json()
  const second = (await refresh(first.refreshToken)).json()
  const { rows: tables } = await sql<{ name: string }>`
    select table_name as name from information_schema.tables
     where table_schema = 'public' and table_type = 'BASE TABLE'`.execute(db)
  t.ok(tables.length >= 5)
  let dump = ''
  for (const { name } of tables) {
    const { rows } = await sql<{ row: string }>`
      select ${sql.ref('r')}::text as row from ${sql.table(name)} as r`.execute(db)
    dump += rows.map(({ row }) => row).join('\n')
  }
  t.ok(dump.includes(PERSON.email), 'the dump is one')
  const secrets = [
    PERSON.password,
    first.token,
    first.refreshToken,
    second.token,
    second.refreshToken,
    first.token.split('.')[2],
  ]
  for (const secret of secrets) {
    for (const encoding of ['utf8', 'hex', 'base64'] as const) {
      t.notOk(dump.includes(Buffer.from(secret).toString(encoding)), encoding)
    }
  }
  for (const token of [first.refreshToken, second.refreshToken]) {
    t.notOk(dump.includes(Buffer.from(token, 'base64url').toString('hex')), 'nor its raw bytes')
  }
})
