import type { IncomingMessage } from 'node:http'
import {
  DEFAULT_WEBHOOKS,
  type Fault,
  readFaults,
  readWebhookSettings,
  type WebhookSettings,
} from './faults.ts'
import type { Dispute } from './objects.ts'
import { DEFAULT_SETTINGS, type Provider, type Settings } from './provider.ts'
import type { Store } from './store.ts'
import type { Webhooks } from './webhooks.ts'

interface Controlled {
  store: Store
  provider: Provider
  webhooks: Webhooks
}

/**
 * The switches of the sandbox: `/sandbox/state`, `/sandbox/faults`, `/sandbox/webhooks`, `/sandbox/settings`,
 * `/sandbox/reset`, `/sandbox/disputes/:id`, `/sandbox/refunds/:id`, `/sandbox/transfers/:id`, `/sandbox/accounts/:id`.
 * Undefined: there is no such route.
 */
export async function answerControl(
  { store, provider, webhooks }: Controlled,
  request: IncomingMessage,
  path: string,
  body: string,
): Promise<unknown> {
  const [, , name, id = ''] = path.split('/')
  if (request.method === 'GET') {
    return name === 'state'
      ? {
          settings: provider.settings,
          webhooks: readWebhookSettings(store),
          faults: readFaults(store),
          undelivered: store.all('deliveries').length,
        }
      : undefined
  }
  // A page of another site cannot send this type without asking first.
  if (request.method !== 'POST' || !isJson(request)) return undefined
  const given = JSON.parse(body === '' ? '{}' : body) as Record<string, unknown>
  switch (name) {
    case 'faults':
      return store.put('settings', 'faults', given.faults as Fault[])
    case 'webhooks': {
      const settings = { ...readWebhookSettings(store), ...(given as Partial<WebhookSettings>) }
      store.put('settings', 'webhooks', settings)
      webhooks.wake()
      return settings
    }
    case 'settings':
      provider.settings = { ...provider.settings, ...(given as Partial<Settings>) }
      provider.tick()
      return provider.settings
    case 'reset':
      store.put('settings', 'faults', [])
      store.put('settings', 'webhooks', DEFAULT_WEBHOOKS)
      provider.settings = { ...DEFAULT_SETTINGS, clockAheadS: provider.settings.clockAheadS }
      webhooks.wake()
      return {}
    case 'disputes':
      // Of a charge: opened. Of a dispute: moved, or closed.
      if (!id.startsWith('dp_')) return provider.openDispute(id, given as Partial<Dispute>)
      return given.status === undefined
        ? provider.closeDispute(id, given.isWon === true)
        : provider.moveDispute(id, given.status as Dispute['status'])
    case 'refunds':
      return provider.settleRefund(id, given.isDone === true)
    case 'transfers':
      return provider.connect.return(id)
    case 'accounts':
      if (given.isRevoked === undefined) {
        return provider.connect.setAccount(id, given.isReady === true)
      }
      provider.connect.revoke(id, given.isRevoked === true)
      return {}
    default:
      return undefined
  }
}

const isJson = (request: IncomingMessage): boolean =>
  (request.headers['content-type'] ?? '').startsWith('application/json')
