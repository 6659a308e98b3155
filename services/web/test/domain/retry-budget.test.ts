import t from 'tap'
import { createRetryBudget } from '#src/domain/retry-budget.ts'

t.test(
  'a quiet service may be asked again at once, a failing one for a tenth of the requests',
  (t) => {
    const budget = createRetryBudget()
    const requests = 1_000
    let retries = 0
    for (let request = 0; request < requests; request += 1) {
      budget.sent()
      if (budget.mayRetry()) retries += 1
    }
    t.ok(retries >= requests / 10, `${retries} retries`)
    t.ok(retries <= requests / 10 + 10, `${retries} retries`)
    t.end()
  },
)

t.test('a quiet time saves up no more than ten', (t) => {
  const budget = createRetryBudget()
  for (let request = 0; request < 10_000; request += 1) budget.sent()
  let retries = 0
  while (budget.mayRetry()) retries += 1
  t.equal(retries, 10)
  t.end()
})
