import t from 'tap'
import { collectLog } from '#test/helper.ts'

t.test('a line is JSON with its service, its level by name and an instant', async (t) => {
  const { log, lines } = collectLog()
  log.warn({ itemId: 'a', err: new Error('lost') }, 'lot not closed')
  t.match(lines, [
    {
      level: 'warn',
      service: 'toy',
      time: /^\d{4}-\d\d-\d\dT.*Z$/,
      itemId: 'a',
      err: { type: 'Error', message: 'lost', stack: /logger\.test\.ts/ },
      msg: 'lot not closed',
    },
  ])
})

t.test('seed bug 22: passwords and tokens never reach a line', async (t) => {
  const { log, text } = collectLog()
  const secret = 'hunter2'
  log.info({ password: secret, token: secret, authorization: secret })
  log.info({ body: { password: secret, token: secret }, client: { authorization: secret } })
  log.info({ headers: { authorization: secret, cookie: secret, host: 'toys' } })
  t.notMatch(text(), secret)
  t.match(text(), '"host":"toys"')
})

t.test(
  'what PostgreSQL says of a row is not logged, for it holds maxima and reserves',
  async (t) => {
    const { log, lines, text } = collectLog()
    const error = Object.assign(new Error('new row violates check constraint'), {
      code: '23514',
      constraint: 'lot_price_within_bounds',
      detail: 'Failing row contains (1000, 50, 7777, 6666).',
      where: 'COPY lots, line 1: "7777"',
    })
    log.error({ err: error }, 'request failed')
    t.notMatch(text(), /7777|6666/)
    t.match(lines, [{ err: { code: '23514', constraint: 'lot_price_within_bounds', stack: /./ } }])
  },
)
