import t from 'tap'
import { serviceNameOf } from '#src/telemetry.ts'

t.test('traces are named by OTEL_SERVICE_NAME, or as the original did by SERVICE_NAME', (t) => {
  t.equal(serviceNameOf({ OTEL_SERVICE_NAME: 'bid', SERVICE_NAME: 'old-bid' }), 'bid')
  t.equal(serviceNameOf({ SERVICE_NAME: 'old-bid' }), 'old-bid')
  t.equal(serviceNameOf({}), 'auction')
  t.end()
})
