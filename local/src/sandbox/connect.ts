import { randomBytes } from 'node:crypto'
import { checkAmount, currencyOf, newId } from './checks.ts'
import type { Account, Charge, Reversal, Transfer } from './objects.ts'
import type { Store } from './store.ts'
import { type Form, forbidden, invalid, metadataOf, missing, numberOf, textOf } from './wire.ts'

export interface ConnectParts {
  store: Store
  /** Where the pages of sellers are. */
  baseUrl(): string
  /** Seconds of the sandbox's clock. */
  now(): number
  settings(): { refuseTransfers: boolean; emptyAccounts: boolean }
  emit(type: string, object: unknown): void
}

/** Where a seller gives bank details, as it was handed out. */
interface Link {
  account: string
  returnUrl: string
  refreshUrl: string
  expiresAt: number
}

const LINK_S = 300

/** What Stripe calls Connect: accounts of sellers, the page of their bank details, transfers and reversals. */
export class Connect {
  readonly #parts: ConnectParts

  constructor(parts: ConnectParts) {
    this.#parts = parts
  }

  createAccount(form: Form): Account {
    const { store, now, emit } = this.#parts
    const id = newId('acct_')
    const account = store.put<Account>('accounts', id, {
      id,
      object: 'account',
      type: textOf(form.type) ?? null,
      country: textOf(form.country) ?? 'DE',
      default_currency: textOf(form.default_currency) ?? 'eur',
      email: textOf(form.email) ?? null,
      charges_enabled: false,
      payouts_enabled: false,
      details_submitted: false,
      capabilities: { transfers: 'inactive' },
      requirements: {
        currently_due: ['external_account'],
        disabled_reason: 'requirements.past_due',
      },
      metadata: metadataOf(form.metadata),
      created: now(),
    })
    emit('account.updated', account)
    return account
  }

  /** Throws as for an account of another platform when its seller revoked it. */
  account(id: string): Account {
    if (this.#parts.store.get<boolean>('revoked', id) === true) throw forbidden(id)
    return this.#find<Account>('accounts', 'account', id)
  }

  /** The seller revokes what the platform may do with the account, or grants it again. */
  revoke(id: string, isRevoked: boolean): void {
    const { store, emit } = this.#parts
    const account = this.#find<Account>('accounts', 'account', id)
    store.put('revoked', id, isRevoked)
    emit(isRevoked ? 'account.application.deauthorized' : 'account.updated', account)
  }

  createAccountLink(form: Form) {
    const { store, baseUrl, now } = this.#parts
    const account = this.account(textOf(form.account) ?? '')
    const [returnUrl, refreshUrl] = [textOf(form.return_url), textOf(form.refresh_url)]
    if (returnUrl === undefined || refreshUrl === undefined) {
      throw invalid('return_url and refresh_url are required', 'parameter_missing', 'return_url')
    }
    const token = randomBytes(16).toString('hex')
    const created = now()
    const expiresAt = created + LINK_S
    store.put<Link>('links', token, { account: account.id, returnUrl, refreshUrl, expiresAt })
    return {
      object: 'account_link',
      created,
      expires_at: expiresAt,
      url: `${baseUrl()}/onboarding/${token}`,
    }
  }

  /** `isOver`: it was given out too long ago, and the seller has to ask for another one. */
  link(token: string): (Link & { isOver: boolean }) | undefined {
    const link = this.#parts.store.get<Link>('links', token)
    return link && { ...link, isOver: link.expiresAt <= this.#parts.now() }
  }

  /** What the bank details of a seller bring about; `isReady` false: they were refused. */
  setAccount(id: string, isReady: boolean): Account {
    const account = this.#parts.store.put<Account>('accounts', id, {
      ...this.account(id),
      charges_enabled: isReady,
      payouts_enabled: isReady,
      details_submitted: true,
      capabilities: { transfers: isReady ? 'active' : 'inactive' },
      requirements: {
        currently_due: isReady ? [] : ['external_account'],
        disabled_reason: isReady ? null : 'requirements.past_due',
      },
    })
    this.#parts.emit('account.updated', account)
    return account
  }

  createTransfer(form: Form): Transfer {
    const { store, now, emit, settings } = this.#parts
    const amount = numberOf(form.amount, 'amount') ?? 0
    checkAmount(amount)
    const currency = currencyOf(textOf(form.currency))
    const account = this.account(textOf(form.destination) ?? '')
    if (account.capabilities.transfers !== 'active') {
      throw invalid(
        'Your destination account needs to have at least one of the following capabilities enabled: transfers',
        'insufficient_capabilities_for_transfer',
        'destination',
      )
    }
    if (settings().refuseTransfers) {
      throw invalid('You have insufficient available funds.', 'balance_insufficient', 'amount')
    }
    const source = textOf(form.source_transaction)
    if (source !== undefined) this.#checkSource(source, amount, currency)
    const id = newId('tr_')
    const transfer = store.put<Transfer>('transfers', id, {
      id,
      object: 'transfer',
      amount,
      amount_reversed: 0,
      currency,
      destination: account.id,
      source_transaction: source ?? null,
      transfer_group: textOf(form.transfer_group) ?? null,
      reversed: false,
      metadata: metadataOf(form.metadata),
      created: now(),
      livemode: false,
    })
    emit('transfer.created', transfer)
    return transfer
  }

  #checkSource(source: string, amount: number, currency: string): void {
    const charge = this.#find<Charge>('charges', 'charge', source)
    if (charge.currency !== currency) {
      throw invalid('The currency of source_transaction differs', undefined, 'currency')
    }
    const taken = this.#parts.store
      .all<Transfer>('transfers')
      .filter(({ source_transaction }) => source_transaction === source)
      .reduce((sum, transfer) => sum + transfer.amount - transfer.amount_reversed, 0)
    if (amount > charge.amount_captured - taken) {
      throw invalid(
        'Insufficient funds in the source_transaction.',
        'balance_insufficient',
        'amount',
      )
    }
  }

  transfer(id: string): Transfer {
    return this.#find<Transfer>('transfers', 'transfer', id)
  }

  /** Takes money back from a seller who still has it. */
  reverse(id: string, form: Form): Reversal {
    if (this.#parts.settings().emptyAccounts) {
      throw invalid(
        'The connected account has insufficient funds to reverse this transfer.',
        'balance_insufficient',
      )
    }
    return this.#takeBack(id, form)
  }

  /** The money of a transfer comes back by itself, as from an account that was closed. */
  return(id: string): Reversal {
    return this.#takeBack(id, {})
  }

  #takeBack(id: string, form: Form): Reversal {
    const { store, now, emit } = this.#parts
    const transfer = this.transfer(id)
    const left = transfer.amount - transfer.amount_reversed
    const amount = numberOf(form.amount, 'amount') ?? left
    if (amount < 1 || amount > left) {
      throw invalid('The amount is more than is left of the transfer', 'amount_too_large', 'amount')
    }
    const reversal: Reversal = {
      id: newId('trr_'),
      object: 'transfer_reversal',
      amount,
      currency: transfer.currency,
      transfer: id,
      metadata: metadataOf(form.metadata),
      created: now(),
    }
    store.put('reversals', reversal.id, reversal)
    const amountReversed = transfer.amount_reversed + amount
    const reversed = store.put<Transfer>('transfers', id, {
      ...transfer,
      amount_reversed: amountReversed,
      reversed: amountReversed === transfer.amount,
    })
    emit('transfer.reversed', reversed)
    return reversal
  }

  /** Newest first. */
  reversals(id: string): Reversal[] {
    const { id: transfer } = this.transfer(id)
    return this.#parts.store
      .all<Reversal>('reversals')
      .filter((reversal) => reversal.transfer === transfer)
      .reverse()
  }

  #find<T>(collection: string, kind: string, id: string): T {
    const found = this.#parts.store.get<T>(collection, id)
    if (found === undefined) throw missing(kind, id)
    return found
  }
}
