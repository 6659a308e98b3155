import { connect, createServer, type Socket } from 'node:net'
import type { PostgresConfig } from '@auction/common/postgres/pool.ts'
import type { Teardown } from '@auction/common/testing/database.ts'
import t from 'tap'
import { startIdentity } from '../helper.ts'

/** A way to PostgreSQL that can be cut and joined again. */
function createCable(t: Teardown) {
  const sockets = new Set<Socket>()
  let isCut = false
  let target = { host: '', port: 0 }
  const server = createServer((near) => {
    if (isCut) return near.destroy()
    const far = connect(target)
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        near.destroy()
        far.destroy()
      })
    }
    near.pipe(far).pipe(near)
  })
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return {
    async through(config: PostgresConfig): Promise<PostgresConfig> {
      target = { host: config.POSTGRES_HOST, port: config.POSTGRES_PORT }
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      return { ...config, POSTGRES_HOST: '127.0.0.1', POSTGRES_PORT: port }
    },
    cut() {
      isCut = true
      for (const socket of sockets) socket.destroy()
    },
    join() {
      isCut = false
    },
  }
}

t.test(
  'without PostgreSQL no user is let in, nothing crashes, and afterwards all works again',
  async (t) => {
    const cable = createCable(t)
    const { app, register, login, refresh } = await startIdentity(t, {
      connectThrough: cable.through,
    })
    await register({})
    const { token, refreshToken } = (await login({})).json()
    const validate = () =>
      app.inject({ url: '/identity/validate', headers: { authorization: `Bearer ${token}` } })
    t.equal((await validate()).statusCode, 200)

    cable.cut()
    const answers = await Promise.all([
      validate(),
      validate(),
      login({}),
      login({ email: 'unknown@example.org' }),
      refresh(refreshToken),
      register({ email: 'new@example.org' }),
    ])
    for (const answer of answers) {
      t.equal(answer.statusCode, 503)
      t.match(answer.json(), { code: 'service.unavailable' })
      t.match(answer.headers['retry-after'], /^[123]$/)
      t.notOk(answer.headers['x-user-id'])
    }
    const forged = await app.inject({
      url: '/identity/validate',
      headers: { authorization: `Bearer ${token}x` },
    })
    t.equal(forged.statusCode, 401, 'a bad token needs no database to be refused')
    t.equal(
      (await app.inject('/identity/.well-known/jwks.json')).statusCode,
      200,
      'keys stay public',
    )

    cable.join()
    t.equal((await validate()).statusCode, 200)
    t.equal((await refresh(refreshToken)).statusCode, 200)
    t.equal((await register({ email: 'new@example.org' })).statusCode, 201)
  },
)
