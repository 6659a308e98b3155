import { type Static, Type } from 'typebox'
import { type ServiceAnswer, UpstreamError } from './service-client.ts'
import type { Services } from './services.ts'
import { Instant } from './shapes.ts'

const Blocks = Type.Object({
  blocks: Type.Array(
    Type.Object({
      userId: Type.Optional(Type.String()),
      itemId: Type.Optional(Type.String()),
      bidder: Type.Optional(Type.String()),
      blockedAt: Instant,
    }),
  ),
})
export type BlockView = Static<typeof Blocks>['blocks'][number]

const Named = Type.Object({ name: Type.String() })

type Authorization = string | undefined

/** What an account has to do with in other services than identity. */
export interface AccountSources {
  readBlocks(as: Authorization): Promise<BlockView[]>
  unblockAccount(userId: string, as: Authorization): Promise<ServiceAnswer>
  unblockBidder(itemId: string, number: string, as: Authorization): Promise<ServiceAnswer>
  /** Undefined when there is none, or it is hidden. */
  readItemName(itemId: string, as: Authorization): Promise<string | undefined>
  readUserName(userId: string): Promise<string | undefined>
}

export function createAccountSources({ auction, bid, identity }: Services): AccountSources {
  return {
    async readBlocks(as) {
      const read = await bid.read('/api/v1/blocks', Blocks, as)
      if (read === undefined) throw new UpstreamError('the list of blocks is not there')
      return read.blocks
    },
    unblockAccount: (userId, authorization) =>
      bid.send('DELETE', `/api/v1/blocks/${userId}`, { authorization }),
    unblockBidder: (itemId, number, authorization) =>
      bid.send('DELETE', `/api/v1/lots/${itemId}/bidders/${number}/block`, { authorization }),
    readItemName: async (itemId, as) =>
      (await auction.read(`/api/v1/items/${encodeURIComponent(itemId)}`, Named, as))?.name,
    readUserName: async (userId) =>
      (await identity.read(`/api/v1/user-profiles/${encodeURIComponent(userId)}`, Named))?.name,
  }
}
