import { isTransient, isUnavailable } from '@auction/common/http/errors.ts'
import { Uuid } from '@auction/common/http/schemas.ts'
import type { Logger } from '@auction/common/process/logger.ts'
import { type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js'
import type { Kysely } from 'kysely'
import { Value } from 'typebox/value'
import { isPublic } from '#src/domain/item.ts'
import { readItem } from '#src/infra/postgres/item/items.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { type ItemMessage, itemMessage } from './item-message.ts'

export interface GetItemForBidDependencies {
  db: Kysely<Database>
  log: Logger
  /** The calling service, by the authorization of the call; undefined when it may not call. */
  readCaller: (authorization: string | undefined) => string | undefined
  observe: (code: number, seconds: number) => void
}

interface Request {
  item_id: string
}

type Answer = { item: ItemMessage } | { code: status; details: string }

const isUuid = (id: string) => Value.Check(Uuid, id)

/** Handles GetItemForBid. Every failure becomes a status, so the caller always gets an answer. */
export function createGetItemForBid(dependencies: GetItemForBidDependencies) {
  const { log, observe } = dependencies
  return async (
    call: ServerUnaryCall<Request, ItemMessage>,
    callback: sendUnaryData<ItemMessage>,
  ): Promise<void> => {
    const startedMs = performance.now()
    const answer = await decide(dependencies, call).catch((error: unknown): Answer => {
      log.error({ err: error, method: 'GetItemForBid' }, 'gRPC call failed')
      // Callers retry after this status only.
      if (isUnavailable(error) || isTransient(error))
        return { code: status.UNAVAILABLE, details: 'try again shortly' }
      return { code: status.INTERNAL, details: 'internal error' }
    })
    const seconds = (performance.now() - startedMs) / 1_000
    // The deadline has passed or the caller has gone: the library has answered already.
    if (call.cancelled) return observe(status.CANCELLED, seconds)
    observe('item' in answer ? status.OK : answer.code, seconds)
    if ('item' in answer) callback(null, answer.item)
    else callback(answer)
  }
}

async function decide(
  { db, readCaller }: GetItemForBidDependencies,
  call: ServerUnaryCall<Request, ItemMessage>,
): Promise<Answer> {
  const [authorization] = call.metadata.get('authorization')
  if (readCaller(authorization?.toString()) === undefined)
    return { code: status.UNAUTHENTICATED, details: 'a token of a service is needed' }
  const { item_id: id } = call.request
  if (!isUuid(id)) return { code: status.INVALID_ARGUMENT, details: 'item_id is not a UUID' }
  if (call.cancelled)
    return { code: status.CANCELLED, details: 'the caller does not wait any more' }
  const read = await readItem(db, id)
  if (read === undefined || !isPublic(read.item.status))
    return { code: status.NOT_FOUND, details: 'there is no such item' }
  return { item: itemMessage(read.item) }
}
