import { isDeepStrictEqual } from 'node:util'
import { requestErrors } from '@auction/common/http/error-answers.ts'
import { answers, STRICT } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { WrittenText } from '@auction/common/http/written-text.ts'
import type { SecretBox } from '@auction/common/secret-box.ts'
import { withoutGaps } from '@auction/common/text.ts'
import type { Kysely } from 'kysely'
import { Type } from 'typebox'
import { insistChanged, withOwnOrder } from '#src/app/orders/own-order.ts'
import { ORDER, OrderParams } from '#src/app/orders/paths.ts'
import { perform } from '#src/app/orders/perform.ts'
import { CARRIER_CODES, type Carrier, readTrackingNumber } from '#src/domain/carriers.ts'
import type { Delivery } from '#src/domain/order.ts'
import type { OrderSettings } from '#src/domain/settings.ts'
import { readAddress, TEXTS } from '#src/domain/texts.ts'
import { orderErrors } from '#src/errors.ts'
import { codeDigest, isSameDigest, newCollectionCode } from '#src/infra/crypto/collection-code.ts'
import { eraseAddress } from '#src/infra/postgres/delivery/addresses.ts'
import {
  countWrongCode,
  deleteCollectionCode,
  putCollectionCode,
  readCollectionCode,
} from '#src/infra/postgres/delivery/collection-codes.ts'
import {
  countShipments,
  insertShipment,
  SHIPMENTS_MAX,
} from '#src/infra/postgres/delivery/shipments.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { openAddress, sealAddress } from './addresses.ts'

export interface DeliveryOptions {
  db: Kysely<Database>
  settings: OrderSettings
  /** Seals addresses; the key of collection codes is made from it. */
  box: SecretBox
}

const tags = ['delivery']
const config = { auth: 'bearer', access: 'owner' } as const
const DONE = { 204: Type.Null() }
const CODE_TRIES_MAX = 5

const optionalLine = (kind: (typeof TEXTS)[keyof typeof TEXTS]) =>
  Type.Optional(WrittenText(kind, { isOptional: true }))

const AddressBody = Type.Object(
  {
    name: WrittenText(TEXTS.addressName),
    line1: WrittenText(TEXTS.addressLine),
    line2: optionalLine(TEXTS.addressLine),
    postalCode: optionalLine(TEXTS.addressPostalCode),
    city: WrittenText(TEXTS.addressCity),
    region: optionalLine(TEXTS.addressRegion),
    country: Type.String({ pattern: '^[A-Z]{2}$', description: 'ISO 3166-1, as DE' }),
  },
  { ...STRICT, title: 'Address' },
)

const DeliveryBody = Type.Object(
  {
    method: Type.Unsafe<Delivery>({ type: 'string', enum: ['shipping', 'collection'] }),
    address: Type.Optional(AddressBody),
  },
  { ...STRICT, title: 'DeliveryChoice' },
)

const ShipmentBody = Type.Object(
  {
    carrier: Type.Unsafe<Carrier>({ type: 'string', enum: [...CARRIER_CODES] }),
    trackingNumber: Type.Optional(
      Type.String({
        minLength: 4,
        maxLength: 60,
        description: '4 to 40 letters and digits; blanks and dashes are left out.',
      }),
    ),
  },
  { ...STRICT, title: 'NewShipment' },
)

const CodeBody = Type.Object(
  {
    code: Type.String({
      minLength: 6,
      maxLength: 60,
      description: 'Six digits; blanks and dashes are left out.',
    }),
  },
  { ...STRICT, title: 'CollectionCode' },
)
const CodeAnswer = Type.Object(
  { code: Type.String({ description: 'Shown this once; a new one replaces it.' }) },
  { title: 'NewCollectionCode' },
)

/** How an order gets from its seller to its buyer (R-ORDER-7, R-ORDER-8). */
export async function deliveryRoutes(app: App, options: DeliveryOptions): Promise<void> {
  choiceRoute(app, options)
  shippingRoutes(app, options)
  collectionRoutes(app, options)
}

function choiceRoute(app: App, { db, settings, box }: DeliveryOptions): void {
  app.put(
    `${ORDER}/delivery`,
    {
      config,
      schema: {
        tags,
        operationId: 'chooseDelivery',
        summary: 'As its buyer: shipped to an address, or collected in person',
        params: OrderParams,
        body: DeliveryBody,
        response: answers(DONE, [409, 422]),
      },
    },
    async ({ user, params: { id }, body: { method, address }, trace }, reply) => {
      await withOwnOrder(db, id, user, ['buyer'], async (tx, order, actor) => {
        if (method === 'shipping' && address === undefined) throw orderErrors.addressRequired()
        const read = address === undefined ? undefined : readAddress(address)
        if (read?.ok === false)
          throw orderErrors.invalidAddress({ field: read.field, reason: read.reason })
        const isOtherAddress =
          method === 'shipping' &&
          read?.ok === true &&
          !isDeepStrictEqual(read.address, await openAddress(tx, box, id))
        const act = { kind: 'choose_delivery', delivery: method, isOtherAddress } as const
        const details = { delivery: method }
        const change = await perform(tx, order, settings, { act, actor, trace, details })
        insistChanged(order, change)
        // The code for a collection stays as well when the same is chosen again.
        if (change.outcome === 'unchanged') return
        if (method === 'shipping' && read?.ok === true) await sealAddress(tx, box, id, read.address)
        // No address is kept that is not needed.
        else await eraseAddress(tx, id)
        await deleteCollectionCode(tx, id)
      })
      reply.code(204)
      return null
    },
  )
}

function shippingRoutes(app: App, { db, settings }: DeliveryOptions): void {
  app.post(
    `${ORDER}/preparation`,
    {
      config,
      schema: {
        tags,
        operationId: 'prepareOrder',
        summary: 'As its seller: it is being prepared; the delivery cannot be changed any more',
        params: OrderParams,
        response: answers(DONE, [409]),
      },
    },
    async ({ user, params: { id }, trace }, reply) => {
      await withOwnOrder(db, id, user, ['seller'], async (tx, order, actor) => {
        if (order.state === 'preparing') return
        const act = { kind: 'prepare' } as const
        insistChanged(order, await perform(tx, order, settings, { act, actor, trace }))
      })
      reply.code(204)
      return null
    },
  )
  app.post(
    `${ORDER}/shipments`,
    {
      config,
      schema: {
        tags,
        operationId: 'shipOrder',
        summary: 'As its seller: a parcel is on its way; the same one again changes nothing',
        params: OrderParams,
        body: ShipmentBody,
        response: answers(DONE, [409, 422]),
      },
    },
    async ({ user, params: { id }, body: { carrier, trackingNumber: text }, trace }, reply) => {
      const trackingNumber = text === undefined ? '' : readTrackingNumber(text)
      if (trackingNumber === undefined) throw orderErrors.invalidTrackingNumber()
      await withOwnOrder(db, id, user, ['seller'], async (tx, order, actor) => {
        const isFirst = order.state !== 'shipped'
        if (isFirst) {
          const act = { kind: 'ship' } as const
          const number = trackingNumber === '' ? {} : { trackingNumber }
          const happened = { kind: 'shipped', carrier, ...number } as const
          const change = await perform(tx, order, settings, { act, actor, trace, happened })
          insistChanged(order, change)
        } else if ((await countShipments(tx, id)) >= SHIPMENTS_MAX) {
          throw orderErrors.tooManyShipments()
        }
        await insertShipment(tx, id, { carrier, trackingNumber })
      })
      reply.code(204)
      return null
    },
  )
  app.post(
    `${ORDER}/receipt`,
    {
      config,
      schema: {
        tags,
        operationId: 'confirmReceipt',
        summary: 'As its buyer: it has arrived',
        params: OrderParams,
        response: answers(DONE, [409]),
      },
    },
    async ({ user, params: { id }, trace }, reply) => {
      await withOwnOrder(db, id, user, ['buyer'], async (tx, order, actor) => {
        if (order.state === 'delivered') return
        const act = { kind: 'deliver' } as const
        const happened = { kind: 'delivered', by: 'buyer' } as const
        insistChanged(order, await perform(tx, order, settings, { act, actor, trace, happened }))
      })
      reply.code(204)
      return null
    },
  )
}

function collectionRoutes(app: App, { db, settings, box }: DeliveryOptions): void {
  const key = box.derive('collection codes')
  app.post(
    `${ORDER}/collection-code`,
    {
      config,
      schema: {
        tags,
        operationId: 'makeCollectionCode',
        summary: 'As its buyer: a code to show when you collect it; the one before it ends',
        params: OrderParams,
        response: answers({ 200: CodeAnswer }, [409]),
      },
    },
    async ({ user, params: { id } }, reply) => {
      const code = newCollectionCode()
      await withOwnOrder(db, id, user, ['buyer'], async (tx, order) => {
        if (order.delivery !== 'collection') throw orderErrors.wrongDelivery()
        if (order.state !== 'paid' && order.state !== 'preparing')
          throw orderErrors.wrongState({ state: order.state })
        await putCollectionCode(tx, id, codeDigest(key, id, code))
      })
      reply.header('cache-control', 'no-store')
      return { code }
    },
  )
  app.post(
    `${ORDER}/collection`,
    {
      config,
      schema: {
        tags,
        operationId: 'collectOrder',
        summary: 'As its seller: the buyer has collected it, and this is the code',
        params: OrderParams,
        body: CodeBody,
        response: answers(DONE, [409, 422]),
      },
    },
    async ({ user, params: { id }, body: { code: text }, trace }, reply) => {
      const code = codeOf(text)
      // A wrong code is counted, so that is committed and refused afterwards.
      const isRight = await withOwnOrder(db, id, user, ['seller'], async (tx, order, actor) => {
        if (order.state === 'collected' || order.state === 'completed')
          throw orderErrors.wrongState({ state: order.state })
        const stored = await readCollectionCode(tx, id)
        if (stored === undefined) throw orderErrors.codeMissing()
        if (stored.wrongTries >= CODE_TRIES_MAX) throw orderErrors.codeLocked()
        if (!isSameDigest(stored.digest, codeDigest(key, id, code))) {
          await countWrongCode(tx, id)
          return false
        }
        const act = { kind: 'collect' } as const
        const happened = { kind: 'delivered', by: 'collection' } as const
        insistChanged(order, await perform(tx, order, settings, { act, actor, trace, happened }))
        await deleteCollectionCode(tx, id)
        return true
      })
      if (!isRight) throw orderErrors.codeWrong()
      reply.code(204)
      return null
    },
  )
}

function codeOf(text: string): string {
  const code = withoutGaps(text)
  if (/^[0-9]{6}$/.test(code)) return code
  throw requestErrors.invalidBody({ field: 'code', reason: 'not six digits' })
}
