import { sql } from 'kysely'
import t from 'tap'
import { purge } from '#src/app/retention/purge.ts'
import { decode } from '#test/forge.ts'
import { startIdentity } from '#test/helper.ts'

t.test('what ended long ago is purged in batches, and what is alive or recent stays', async (t) => {
  const { db, app, register, login } = await startIdentity(t)
  await register({})
  const tokens: string[] = []
  for (let count = 0; count < 7; count += 1) tokens.push((await login({})).json().token)
  const [alive = '', revoked = '', ...old] = tokens
  const sessionOf = (token: string) => decode(token).claims.sid
  await sql`update sessions set revoked_at = clock_timestamp(), revoked_reason = 'logout'
             where id = ${sessionOf(revoked)}`.execute(db)
  for (const [index, token] of old.entries()) {
    const created = sql`created_at = clock_timestamp() - interval '60 days'`
    const ended = sql`clock_timestamp() - interval '8 days'`
    await (index % 2 === 0
      ? sql`update sessions set ${created}, revoked_at = ${ended}, revoked_reason = 'logout' where id = ${sessionOf(token)}`
      : sql`update sessions set ${created}, expires_at = ${ended} where id = ${sessionOf(token)}`
    ).execute(db)
  }
  await sql`update refresh_tokens set expires_at = clock_timestamp() - interval '1 second'
             where session_id = ${sessionOf(revoked)}`.execute(db)

  t.match(await purge(db, 2), { refreshTokens: 1, sessions: 5 })
  t.match(await purge(db, 2), { refreshTokens: 0, sessions: 0 })
  const { rows } = await sql<{ id: string }>`select id from sessions`.execute(db)
  t.same(new Set(rows.map(({ id }) => id)), new Set([sessionOf(alive), sessionOf(revoked)]))
  const { rows: left } = await sql<{
    session_id: string
  }>`select session_id from refresh_tokens`.execute(db)
  t.same(left, [{ session_id: sessionOf(alive) }])
  const response = await app.inject({
    url: '/identity/validate',
    headers: { authorization: `Bearer ${alive}` },
  })
  t.equal(response.statusCode, 200)
})

t.test('logins that no user finished are purged once they are over', async (t) => {
  const { db, register } = await startIdentity(t)
  const { id } = (await register({})).json()
  const pending = (from: number, to: number, age: string) =>
    sql`insert into pending_logins (digest, user_id, expires_at)
        select sha256(n::text::bytea), ${id}, clock_timestamp() + ${age}::interval
          from generate_series(${from}::int, ${to}::int) n`.execute(db)
  await pending(1, 5, '-1 second')
  await pending(6, 7, '1 minute')
  t.match(await purge(db, 2), { pendingLogins: 5 })
  t.equal((await db.selectFrom('pending_logins').select('digest').execute()).length, 2)
})
