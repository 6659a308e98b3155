import type { App } from '@auction/common/http/server.ts'
import fastify from 'fastify'
import t from 'tap'
import { enforceSessions } from '#src/app/sessions/caller-session.ts'

function bareApp(): App {
  const app = fastify() as unknown as App
  const noSession = () => Promise.reject(new Error('no session is read here'))
  enforceSessions(app, {
    checkSession: noSession,
    browserSessions: { readAgain: noSession },
    metrics: { cookieRequest: () => {} },
  })
  return app
}

const handler = () => ({})

t.test('a route for callers that says nothing of their session stops the boot', async (t) => {
  const app = bareApp()
  const config = { auth: 'bearer', access: 'own' } as const
  t.throws(() => app.get('/forgotten', { config }, handler), /GET \/forgotten.* declare session/)
  for (const session of ['live', 'proven', 'unchecked'] as const)
    app.get(`/${session}`, { config: { ...config, session } }, handler)
})

t.test('a route without a caller cannot ask for a session', async (t) => {
  const config = { auth: 'public', session: 'live' } as const
  t.throws(() => bareApp().get('/open', { config }, handler), /GET \/open.* declare session/)
})

t.test(
  'a handler that reads a session it did not ask for fails instead of seeing none',
  async (t) => {
    const app = bareApp()
    t.teardown(() => app.close())
    app.get('/open', { config: { auth: 'public' } }, (request) => request.session)
    const answer = await app.inject('/open')
    t.match([answer.statusCode, answer.json().message], [500, /reads request\.session/])
  },
)

t.test('no cache keeps that a session was refused', async (t) => {
  const app = bareApp()
  t.teardown(() => app.close())
  const config = { auth: 'bearer', access: 'own', session: 'live' } as const
  app.get('/mine', { config }, handler)
  t.match((await app.inject('/mine')).headers, { 'cache-control': 'no-store' })
})
