import t from 'tap'
import { Type } from 'typebox'
import { defineError } from '#src/http/errors.ts'
import { answers } from '#src/http/schemas.ts'
import { expectDocumentedAnswers } from '#src/testing/documented-answers.ts'
import { buildToy } from '#test/helper.ts'

const DOCS = { prefix: '/toys', title: 'Toys', description: 'Toys.', tags: { toys: 'All.' } }
const sold = defineError('toy.sold', 'The toy is sold.', 409)

t.test('an answer that the document of a route does not name fails the test', async (t) => {
  const steps: (() => unknown)[] = []
  expectDocumentedAnswers({ teardown: (step) => steps.push(step) })
  const { app } = await buildToy(t, { docs: DOCS })
  const refuse = () => {
    throw sold()
  }
  const route = (operationId: string, own: 409[]) => ({
    config: { auth: 'public' as const },
    schema: {
      tags: ['toys'],
      operationId,
      summary: 'Toys',
      response: answers({ 200: Type.Null() }, own),
    },
  })
  app.get('/toys/known', route('getKnown', [409]), refuse)
  app.get('/toys/unknown', route('getUnknown', []), refuse)
  app.get('/toys/hidden', { config: { auth: 'public' }, schema: { hide: true } }, refuse)
  for (const url of ['/toys/known', '/toys/hidden', '/toys/nowhere']) await app.inject(url)
  t.doesNotThrow(() => steps[0]?.())
  await app.inject('/toys/unknown')
  t.throws(() => steps[0]?.(), {
    message: 'not in the document: GET /toys/unknown: 409 toy.sold',
  })
  t.doesNotThrow(() => steps[0]?.(), 'each is named once')
})
