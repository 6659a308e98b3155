import { minorDigits } from '@auction/common/money.ts'
import { readText, type TextKind } from '@auction/common/text.ts'
import { notFound, type PageRoutes } from '#src/app/page-routes.ts'
import { leftOf, refundPage } from '#src/app/pages/selling/sale-pages.ts'
import { answerAct } from '#src/app/proofs.ts'
import type { Problem } from '#src/domain/problem-text.ts'
import { amountOf } from '#src/domain/selling-form.ts'
import { TEXT_LENGTHS_MAX } from '#src/domain/text-lengths.ts'
import { type Identity, ProofNeededError } from '#src/infra/http/identity.ts'
import type { Lots } from '#src/infra/http/lots.ts'
import type { Sales } from '#src/infra/http/sales.ts'
import { orLost } from '../orders.ts'
import { parameterOf, typedOf } from './guard.ts'
import { keyOf, ownSale, saleProblem, showSale, statusOf } from './sales.ts'

const AMOUNT = /^\d{1,15}(\.\d{1,4})?$/
/** As payment reads it, asked before the seller confirms. */
const REASON: TextKind = {
  name: 'refund.reason',
  charactersMax: 500,
  bytesMax: TEXT_LENGTHS_MAX['refund.reason'],
  isPlain: true,
  hasLines: true,
}

/** Giving money back: said twice, with a fresh proof, and once for a form. */
export function refundRoutes(
  pages: PageRoutes,
  { sales, lots, identity }: { sales: Sales; lots: Lots; identity: Identity },
): void {
  const page = (request: Parameters<typeof parameterOf>[0]) =>
    `/my/sales/${parameterOf(request, 'orderId')}`
  pages.post('/my/sales/:orderId/refund', (sender, sent, reply) => {
    const form = typedOf(sent.body)
    // Without a session, what was confirmed is asked about once more on the page of the sale: a button elsewhere
    // would hide the amount.
    const secret = form.confirmed === undefined ? [] : Object.keys(form)
    const answer = answerAct(identity, { page, secret }, async (viewer, caller, request) => {
      const order = await ownSale(sales, viewer, parameterOf(request, 'orderId'))
      if (order?.paymentId === undefined) return notFound(viewer)
      const typed = typedOf(request.body)
      const again = (problems: Problem[], statusCode: number) =>
        showSale({ sales, lots }, viewer, order, { typed, problems }, statusCode)
      const written = readText(typed.reason ?? '', REASON)
      const reason = written.ok ? written.text : (typed.reason ?? '')
      const { confirmed } = typed
      if (confirmed === undefined || !AMOUNT.test(confirmed)) {
        const digits = minorDigits(order.currencyCode) ?? 2
        const read =
          typed.how === 'all'
            ? { value: leftOf(order) }
            : amountOf(typed, 'amount', viewer.talk, digits, true)
        const { reasons } = viewer.talk.t.selling
        const problems = [
          ...('problem' in read ? [read.problem] : []),
          ...(written.ok ? [] : [{ field: 'reason', text: reasons[written.reason] }]),
        ]
        if ('problem' in read || problems.length > 0) return again(problems, 422)
        const refund = { amount: read.value ?? '', reason, key: keyOf(typed) }
        return { markup: refundPage(viewer, order, refund, {}), isSecret: true }
      }
      // Another amount is another refund, also when the back button brought the old form.
      const key = `${keyOf(typed)}:${confirmed}`
      const body = { orderId: order.id, amount: confirmed, reason }
      const authorization = await caller.authorization()
      const answer = await orLost(sales.refund(order.paymentId, key, body, authorization))
      const refund = { amount: confirmed, reason, key: keyOf(typed) }
      if (answer === 'lost') {
        const problems = [{ text: viewer.talk.t.sales.refundLost }]
        return {
          statusCode: 503,
          markup: refundPage(viewer, order, refund, { problems }),
          isSecret: true,
        }
      }
      if (answer.body.code === 'payment.proof_required') throw new ProofNeededError('refunds')
      if (answer.status < 300) return { to: viewer.to(`/my/sales/${order.id}?said=refunded`) }
      return again([saleProblem(viewer, answer)], statusOf(answer))
    })
    return answer(sender, sent, reply)
  })
}
