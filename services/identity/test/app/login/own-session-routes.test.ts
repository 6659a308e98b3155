import t from 'tap'
import { startIdentity } from '#test/helper.ts'

t.test('people see and end their own sessions, and no one else\u2019s', async (t) => {
  const identity = await startIdentity(t)
  await identity.register({})
  await identity.register({ email: 'bob@example.org' })
  const logIn = async (change = {}) =>
    (await identity.login(change)).json() as { token: string; refreshToken: string }
  const [mine, other, bob] = [
    await logIn(),
    await logIn(),
    await logIn({ email: 'bob@example.org' }),
  ]
  const as = (token: string, method: 'GET' | 'POST' | 'DELETE', path: string) =>
    identity.app.inject({
      method,
      url: `/identity/${path}`,
      headers: { authorization: `Bearer ${token}` },
    })
  const list = async (token: string) =>
    (await as(token, 'GET', 'sessions')).json().sessions as { id: string; current: boolean }[]
  const sessions = await list(mine.token)
  t.equal(sessions.length, 2)
  t.equal(sessions.filter(({ current }) => current).length, 1)
  const otherId = sessions.find(({ current }) => !current)?.id ?? ''
  t.match((await as(bob.token, 'DELETE', `sessions/${otherId}`)).json(), {
    code: 'identity.session_not_found',
  })
  t.equal((await as(other.token, 'GET', 'validate')).statusCode, 200)
  t.equal((await as(mine.token, 'DELETE', `sessions/${otherId}`)).statusCode, 204)
  t.equal((await as(other.token, 'GET', 'validate')).statusCode, 401, 'at the next call')
  t.equal((await identity.refresh(other.refreshToken)).statusCode, 401)
  t.equal((await as(mine.token, 'DELETE', `sessions/${otherId}`)).statusCode, 404)
  t.equal((await list(mine.token)).length, 1)
  const again = await logIn()
  t.equal((await as(mine.token, 'POST', 'logout/everywhere')).statusCode, 204)
  for (const { token } of [mine, again]) {
    t.equal((await as(token, 'GET', 'sessions')).statusCode, 401)
  }
  t.equal((await list(bob.token)).length, 1, 'others stay')
})
