import { type Act, changeOrder } from './change-order.ts'
import { isUnpaid, type Order } from './order.ts'

/** What people may do with an order; each is a route. */
export const ORDER_ACTIONS = [
  'pay',
  'choose_delivery',
  'prepare',
  'ship',
  'confirm_receipt',
  'make_collection_code',
  'collect',
  'cancel',
  'agree_to_cancellation',
  'reopen',
  'dispute',
] as const
export type OrderAction = (typeof ORDER_ACTIONS)[number]

const OTHER_DELIVERY = {
  kind: 'choose_delivery',
  delivery: 'shipping',
  isOtherAddress: true,
} as const
const NO_DATES = { dueAt: new Date(0), cancelAt: new Date(0) }

/**
 * What one side of an order may do now, by the same rules that decide it. `isDisputed`: a dispute of it was
 * opened, and be it over; there is one for an order.
 */
export function possibleActions(
  order: Order,
  side: 'buyer' | 'seller',
  isDisputed: boolean,
): OrderAction[] {
  const may = (act: Act) => changeOrder(order, act).outcome === 'changed'
  const isFree = isUnpaid(order) && order.claimedBy === null
  const isCollected = may({ kind: 'collect' })
  const actions: [OrderAction, boolean][] =
    side === 'buyer'
      ? [
          ['pay', isFree],
          ['choose_delivery', may(OTHER_DELIVERY)],
          ['confirm_receipt', may({ kind: 'deliver' })],
          ['make_collection_code', isCollected],
          ['dispute', !isDisputed && may({ kind: 'dispute', timeLeftSeconds: null })],
          ['agree_to_cancellation', isFree],
        ]
      : [
          ['prepare', may({ kind: 'prepare' })],
          ['ship', may({ kind: 'ship' }) || order.state === 'shipped'],
          ['collect', isCollected],
          ['cancel', may({ kind: 'cancel', reason: 'seller' })],
          ['agree_to_cancellation', isFree],
          ['reopen', may({ kind: 'reopen', ...NO_DATES })],
        ]
  return actions.filter(([, isPossible]) => isPossible).map(([action]) => action)
}
