import { setTimeout as wait } from 'node:timers/promises'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import type { Answer, ApiClient } from '#src/api-client.ts'
import { logIn, type Person, sell } from '#src/people.ts'
import type { Chance, SentBid } from './history.ts'
import { type Method, untilAnswered } from './identity-load.ts'
import { place } from './load.ts'

export interface SalesLoadOptions {
  clients: ApiClient[]
  chance: Chance
  /** All of them buy and sell. */
  traders: readonly Person[]
  /** Makes keys that no other run has used. */
  unique: string
  /** Of bids; those on these lots are compared with the ledger as all others are. */
  history: SentBid[]
}

/** What was acknowledged to clients. */
export interface SalesHistory {
  purchases: { purchaseId: string; itemId: string; buyerId: string }[]
  /** Of each offer as often as a tab was answered that it is accepted. */
  acceptances: string[]
  relists: { itemId: string; newItemId: string }[]
  /** Orders that were cancelled by agreement, and those that were reopened. */
  cancelled: string[]
  reopened: string[]
  /** Sales that came to no end, and what they waited for. */
  unfinished: string[]
}

export interface SalesLoad {
  history: SalesHistory
  /** No new sales; resolves when those under way have come to an end. */
  stop(): Promise<void>
}

const SALES_AT_ONCE = 6
const LOT_MS = 10_000
const ANSWER_MS = 3_000
const PATIENCE_MS = 120_000
const LOOK_MS = 500
/** So long a seller asks again for a new round of an item whose end is still on its way. */
const RELIST_PATIENCE_MS = 20_000
const RESERVATION_MINUTES = 5

/** How each lot is meant to end. What others do at the same moment may end it otherwise. */
const KINDS = ['bought', 'below_reserve', 'unsold', 'won', 'reserved', 'unsold_by_itself'] as const
type Kind = (typeof KINDS)[number]

/** What happens to an offer at the moment at which two tabs accept it. */
const RIVALS = ['none', 'relist', 'withdrawal', 'reopening', 'refusal'] as const

/**
 * Sales with all that follows the hammer, whatever is being killed: lots that are bought while others bid, orders that are
 * cancelled by agreement, offers to the next bidder that two tabs accept, new rounds by hand and by themselves.
 */
export function startSalesLoad(options: SalesLoadOptions): SalesLoad {
  const history: SalesHistory = {
    purchases: [],
    acceptances: [],
    relists: [],
    cancelled: [],
    reopened: [],
    unfinished: [],
  }
  let isStopping = false
  let count = 0
  const trade = async () => {
    while (!isStopping) {
      const kind = KINDS[count % KINDS.length] ?? 'won'
      count += 1
      const sale = new Sale(options, history, count)
      await sale.run(kind).catch((error: unknown) => {
        const problem = error instanceof Error ? error.message : String(error)
        history.unfinished.push(`${kind} ${sale.itemId}: ${problem}`)
      })
    }
  }
  const running = Array.from({ length: SALES_AT_ONCE }, trade)
  return {
    history,
    async stop() {
      isStopping = true
      await Promise.all(running)
    },
  }
}

/** One lot, its seller and those who want it. */
class Sale {
  itemId = 'of no item'
  readonly #options: SalesLoadOptions
  readonly #history: SalesHistory
  readonly #seller: Person
  readonly #bidders: readonly Person[]
  readonly #keyPrefix: string
  #keys = 0

  constructor(options: SalesLoadOptions, history: SalesHistory, number: number) {
    this.#options = options
    this.#history = history
    this.#keyPrefix = `sale-${options.unique}-${number}`
    const [seller, ...others] = options.chance.shuffled(options.traders)
    if (seller === undefined || others.length < 4) throw new Error('too few traders')
    this.#seller = seller
    this.#bidders = others.slice(0, 4)
  }

  async run(kind: Kind): Promise<void> {
    const { chance } = this.#options
    await this.#list(kind)
    if (kind !== 'unsold' && kind !== 'unsold_by_itself') await this.#compete(kind)
    const outcome = await this.#outcome()
    if (outcome === 'no_bids') return this.#relistFromTwoTabs()
    if (outcome === 'reserve_not_met') return this.#offer()
    const order = await this.#order()
    // Some sales stand.
    if (chance.below(4) === 0) return
    await this.#cancelByAgreement(order)
    await this.#offer(order)
  }

  async #list(kind: Kind): Promise<void> {
    const { clients, chance } = this.#options
    const reserve = { reservePrice: '15.00' }
    const terms: Record<Kind, Record<string, unknown>> = {
      // With a reserve a bid that does not reach it leaves the purchase possible; without one it ends that.
      bought: { buyoutPrice: '20.00', ...(chance.below(2) === 0 ? reserve : {}) },
      reserved: { ...reserve, buyoutPrice: '20.00', buyoutReservationMinutes: RESERVATION_MINUTES },
      won: {},
      below_reserve: reserve,
      unsold: {},
      unsold_by_itself: {},
    }
    const listing = {
      name: `sale ${kind}`,
      startPrice: '1.00',
      durationMs: LOT_MS,
      timeoutMs: ANSWER_MS,
      terms: terms[kind],
    }
    const { id } = await persist('a listing', () =>
      sell(chance.pick(clients), this.#seller, listing),
    )
    this.itemId = id
    if (kind !== 'unsold_by_itself') return
    const plan = await this.#ask(this.#seller, 'PUT', `/api/v1/items/${id}/auto-relist`, {
      times: 1,
      priceDropPercent: 10,
    })
    // 409: it came so late that the item is over.
    if (plan.statusCode !== 200 && plan.statusCode !== 409) throw refusedWith('the plan', plan)
  }

  /** All bid, and two buy, at one moment. */
  async #compete(kind: Kind): Promise<void> {
    const { chance } = this.#options
    const acts = this.#bidders.map((bidder) => () => this.#bid(bidder, this.itemId))
    if (kind === 'bought' || kind === 'reserved') {
      for (const buyer of this.#bidders.slice(0, 2)) acts.push(() => this.#buy(buyer))
    }
    await Promise.all(
      chance.shuffled(acts).map(async (act) => {
        await wait(chance.below(20))
        await act()
      }),
    )
  }

  async #bid(bidder: Person, itemId: string): Promise<void> {
    const { clients, chance, history } = this.#options
    const sent: SentBid = {
      key: this.#newKey(),
      itemId,
      bidderId: bidder.id,
      maxAmount: ((100 + chance.below(1_000)) / 100).toFixed(2),
      status: 'unknown',
      attempts: 0,
    }
    history.push(sent)
    await place(chance.pick(clients), bidder, sent, () => undefined)
  }

  /** A lot that is only reserved goes on at once: buyer and seller agree to end it. */
  async #buy(buyer: Person): Promise<void> {
    const { itemId } = this
    const key = this.#newKey()
    const answer = await persist('the terms of a lot', async () => {
      const answer = await this.#ask(buyer, 'POST', `/api/v1/lots/${itemId}/buy-now`, {}, key)
      // Published, but the terms have not reached the bid service.
      return answer.statusCode === 404 ? undefined : answer
    })
    if (answer.statusCode !== 201) return
    if (answer.body.outcome === 'reserved') {
      await this.#cancelByAgreement(await this.#order())
      return
    }
    const purchaseId = String(answer.body.purchaseId)
    this.#history.purchases.push({ purchaseId, itemId, buyerId: buyer.id })
  }

  #outcome(): Promise<string> {
    return persist('the end of a lot', async () => {
      const { body } = await this.#ask(this.#seller, 'GET', `/api/v1/lots/${this.itemId}`)
      return body.outcome === undefined ? undefined : String(body.outcome)
    })
  }

  /** The order that is to be paid, once it is there. */
  #order(): Promise<OpenOrder> {
    return persist('an order', async () => {
      const path = '/api/v1/orders?role=seller&state=pending_payment&limit=100'
      const { body } = await this.#ask(this.#seller, 'GET', path)
      const orders = (body.orders ?? []) as OpenOrder[]
      return orders.find(({ itemId }) => itemId === this.itemId)
    })
  }

  async #cancelByAgreement({ id, buyerId }: OpenOrder): Promise<void> {
    const buyer = this.#bidders.find((each) => each.id === buyerId)
    if (buyer === undefined) throw new Error(`order ${id} has another buyer`)
    const path = `/api/v1/orders/${id}/cancellation-request`
    const answers = await Promise.all(
      [this.#seller, buyer].map((party) => this.#ask(party, 'PUT', path)),
    )
    const isCancelled = answers.some(({ body }) => body.isCancelled === true)
    if (!isCancelled) throw new Error(`order ${id} was not cancelled`)
    this.#history.cancelled.push(id)
  }

  /** Offers the lot to the next in line, who accepts from two tabs while something else happens to it. */
  async #offer(cancelled?: OpenOrder): Promise<void> {
    const { chance } = this.#options
    const { itemId } = this
    const key = this.#newKey()
    const body = {
      kind: cancelled === undefined ? 'below_reserve' : 'second_chance',
      days: 1,
      ...(chance.below(2) === 0 ? { cascadeFloor: '1.00' } : {}),
    }
    const made = await persist('an offer', async () => {
      const path = `/api/v1/lots/${itemId}/offers`
      const answer = await this.#ask(this.#seller, 'POST', path, body, key)
      // The end of the order is on its way.
      return answer.body.code === 'offer.order_not_cancelled' ? undefined : answer
    })
    // Bought without any bid: there is no one to offer it to.
    if (made.statusCode === 409) return this.#relistFromTwoTabs()
    if (made.statusCode !== 201) throw refusedWith('the offer', made)
    const path = `/api/v1/offers/${String(made.body.offerId)}`
    const recipient = await this.#recipientOf(path)
    // Long enough that each of them is the first now and then.
    const accept = async () => {
      await wait(chance.below(200))
      await this.#accept(recipient, path)
    }
    await Promise.all([accept(), accept(), this.#rival(path, recipient, cancelled)])
  }

  async #recipientOf(path: string): Promise<Person> {
    for (const bidder of this.#bidders) {
      if ((await this.#ask(bidder, 'GET', path)).statusCode === 200) return bidder
    }
    throw new Error(`no bidder has ${path}`)
  }

  async #accept(recipient: Person, path: string): Promise<void> {
    const answer = await this.#ask(recipient, 'POST', `${path}/acceptance`, {}, this.#newKey())
    if (answer.statusCode === 200) this.#history.acceptances.push(String(answer.body.offerId))
  }

  async #rival(path: string, recipient: Person, cancelled: OpenOrder | undefined): Promise<void> {
    const rival = this.#options.chance.pick(RIVALS)
    if (rival === 'relist') await this.#relist()
    if (rival === 'withdrawal') {
      await this.#ask(this.#seller, 'POST', `${path}/withdrawal`, {}, this.#newKey())
    }
    if (rival === 'refusal') {
      await this.#ask(recipient, 'POST', `${path}/refusal`, {}, this.#newKey())
    }
    if (rival === 'reopening' && cancelled !== undefined) {
      const { id } = cancelled
      const answer = await this.#ask(this.#seller, 'POST', `/api/v1/orders/${id}/reopening`)
      if (answer.statusCode === 204) this.#history.reopened.push(id)
    }
  }

  async #relistFromTwoTabs(): Promise<void> {
    const rounds = await Promise.all([1, 2].map(() => this.#relist(RELIST_PATIENCE_MS)))
    const round = rounds.find((newItemId) => newItemId !== undefined)
    const bidder = this.#options.chance.pick(this.#bidders)
    if (round !== undefined) await this.#bid(bidder, round)
  }

  /** The new item, if this request made it. */
  async #relist(patienceMs = 0): Promise<string | undefined> {
    const { itemId } = this
    const key = this.#newKey()
    const deadlineMs = performance.now() + patienceMs
    for (;;) {
      const path = `/api/v1/items/${itemId}/relist`
      const { statusCode, body } = await this.#ask(this.#seller, 'POST', path, {}, key)
      if (statusCode === 201) {
        const newItemId = String(body.id)
        this.#history.relists.push({ itemId, newItemId })
        return newItemId
      }
      const { newItemId } = (body.details ?? {}) as { newItemId?: string }
      if (newItemId !== undefined || performance.now() > deadlineMs) return undefined
      await wait(LOOK_MS)
    }
  }

  #newKey(): string {
    this.#keys += 1
    return `${this.#keyPrefix}-${this.#keys}`
  }

  /** The definite answer, and as whom it was asked is known: a session that has ended is begun again. */
  async #ask(
    person: Person,
    method: Method,
    path: string,
    body?: Record<string, unknown>,
    key?: string,
  ): Promise<Answer> {
    const { clients, chance } = this.#options
    return persist(`${method} ${path}`, async () => {
      const client = chance.pick(clients)
      const answer = await untilAnswered(client, method, path, {
        token: person.token,
        ...(body === undefined ? {} : { body }),
        ...(key === undefined ? {} : { headers: { 'idempotency-key': key } }),
      })
      if (answer?.statusCode !== 401) return answer
      person.token = await logIn(client, person.email)
      return undefined
    })
  }
}

interface OpenOrder {
  id: string
  itemId: string
  buyerId: string
}

const refusedWith = (what: string, { statusCode, body }: Answer) =>
  new Error(`${what} was answered ${statusCode} ${JSON.stringify(body)}`)

/** Repeats what may fail or come to nothing while a process is down; longer than any is down it does not. */
function persist<T>(what: string, work: () => Promise<T | undefined>): Promise<T> {
  const attempt = () => work().catch(() => undefined)
  return waitFor(what, attempt, PATIENCE_MS, LOOK_MS) as Promise<T>
}
