import {
  internalPaths,
  PayReservationAnswer,
  TakeBackAnswer,
  TakeBackRequest,
  UndoTakeBackAnswer,
} from '@auction/common/contracts/terms.ts'
import { defineError } from '@auction/common/http/errors.ts'
import { Uuid } from '@auction/common/http/schemas.ts'
import { buildServer } from '@auction/common/http/server.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import type { Teardown } from '@auction/common/testing/database.ts'
import type { TestIdentity } from '@auction/common/testing/tokens.ts'
import { Type } from 'typebox'

export interface Lots {
  url: string
  /** How the next calls fare: the lot is sold, its reservation is over, or no answer comes after it was sold. */
  mode: 'sold' | 'late' | 'lost'
  /** Purchases whose reservation is over, whatever the mode. */
  late: string[]
  /** The purchases that were paid, call by call. */
  asked: string[]
  /** Orders whose unit is offered or sold to another. */
  taken: string[]
  /** What was asked for orders that were to be reopened, call by call. */
  takenBack: (TakeBackRequest & { orderId: string })[]
  /** What was given up of that, call by call. */
  undone: (TakeBackRequest & { orderId: string })[]
  /** Called when a unit has been taken back, before the answer. */
  onTakenBack: (() => Promise<void>) | undefined
}

const errors = {
  unauthenticated: defineError('bid.unauthenticated', 'Log in.', 401),
  late: defineError('payment.late', 'Late.', 409),
  taken: defineError('lot.unit_taken', 'Taken.', 409),
  outdated: defineError('lot.take_back_outdated', 'Outdated.', 409),
  lost: defineError('service.unavailable', 'Down.', 503),
}

/** bid as order knows it, which asks it to sell reserved lots: over real HTTP. */
export async function startLots(t: Teardown, identity: TestIdentity): Promise<Lots> {
  const lots: Lots = {
    url: '',
    mode: 'sold',
    late: [],
    asked: [],
    taken: [],
    takenBack: [],
    undone: [],
    onTakenBack: undefined,
  }
  const app = await buildServer({
    service: 'bid',
    log: createLogger('bid', 'silent'),
    registry: createRegistry('bid'),
    auth: { ...identity, unauthenticated: errors.unauthenticated },
  })
  app.put(
    internalPaths.purchasePayment(':itemId', ':purchaseId'),
    {
      config: { auth: 'service' },
      schema: {
        params: Type.Object({ itemId: Uuid, purchaseId: Uuid }),
        response: { 200: PayReservationAnswer },
      },
    },
    async ({ params: { purchaseId } }) => {
      if (lots.mode === 'late' || lots.late.includes(purchaseId)) throw errors.late()
      const outcome = lots.asked.includes(purchaseId) ? 'unchanged' : 'bought_now'
      lots.asked.push(purchaseId)
      if (lots.mode === 'lost') throw errors.lost()
      return { outcome } as const
    },
  )
  app.put(
    internalPaths.orderReopening(':itemId', ':orderId'),
    {
      config: { auth: 'service' },
      schema: {
        params: Type.Object({ itemId: Uuid, orderId: Uuid }),
        body: TakeBackRequest,
        response: { 200: TakeBackAnswer },
      },
    },
    async ({ params: { orderId }, body }) => {
      if (lots.taken.includes(orderId)) throw errors.taken()
      const isOutdated = lots.undone.some(
        (one) => one.orderId === orderId && one.sequence >= body.sequence,
      )
      if (isOutdated) throw errors.outdated()
      lots.takenBack.push({ orderId, ...body })
      await lots.onTakenBack?.()
      if (lots.mode === 'lost') throw errors.lost()
      return { outcome: 'taken_back' } as const
    },
  )
  app.put(
    internalPaths.undoneReopening(':itemId', ':orderId'),
    {
      config: { auth: 'service' },
      schema: {
        params: Type.Object({ itemId: Uuid, orderId: Uuid }),
        body: TakeBackRequest,
        response: { 200: UndoTakeBackAnswer },
      },
    },
    async ({ params: { orderId }, body }) => {
      const isOutdated = lots.takenBack.some(
        (one) => one.orderId === orderId && one.sequence > body.sequence,
      )
      if (isOutdated) throw errors.outdated()
      lots.undone.push({ orderId, ...body })
      if (lots.mode === 'lost') throw errors.lost()
      return { outcome: 'undone' } as const
    },
  )
  lots.url = await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  return lots
}
