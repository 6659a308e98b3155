/// <reference lib="dom" />
// Of the page of how a user is notified: this browser shows notices, once its user has pressed the button and allowed
// it. Only a script can subscribe; the page says so to those without one.
import {
  endThatOfAnother,
  forgetKept,
  keepId,
  keepUser,
  keptId,
  oneTabAtATime,
  subscriptionHere,
  WORKER,
} from './push-browser.ts'

const SUBSCRIPTIONS = '/api/v1/push-subscriptions'
/** Other tabs wait for the one that subscribes. */
const ANSWER_MAX_MS = 10_000

interface ScriptAddresses {
  createPolicy(
    name: string,
    rules: { createScriptURL(address: string): string },
  ): { createScriptURL(address: string): string }
}

/** The one address of a script that the policy of this page lets a script name. */
const { trustedTypes } = globalThis as { trustedTypes?: ScriptAddresses }
const addresses = trustedTypes?.createPolicy('push-worker', { createScriptURL: () => WORKER })
const workerAddress = addresses?.createScriptURL(WORKER) ?? WORKER

const canPush =
  'serviceWorker' in navigator && 'PushManager' in globalThis && 'Notification' in globalThis

const place = document.getElementById('push-here')
const texts = place?.dataset ?? {}

function say(text: string | undefined): void {
  const status = document.getElementById('push-status')
  if (status !== null) status.textContent = text ?? ''
}

/** What is said of this browser instead of the button, which is shown when there is nothing to say. */
function note(text: string | undefined): void {
  const line = place?.querySelector('small')
  const button = place?.querySelector('button')
  if (line === null || line === undefined || button === null || button === undefined) return
  line.textContent = text ?? ''
  line.hidden = text === undefined
  button.hidden = text !== undefined
}

/** A worker that was registered a moment ago cannot subscribe before it is active. */
function untilActive(registration: ServiceWorkerRegistration): Promise<void> {
  const starting = registration.installing ?? registration.waiting
  return new Promise((resolve, reject) => {
    const look = () => {
      if (registration.active !== null) resolve()
      else if (starting?.state === 'redundant') reject(new Error('the worker does not start'))
    }
    starting?.addEventListener('statechange', look)
    look()
  })
}

/** The subscription of this browser with the key of now; one with a former key makes place. */
async function subscribe({ pushManager }: ServiceWorkerRegistration): Promise<PushSubscription> {
  const options = { userVisibleOnly: true, applicationServerKey: bytesOf(texts.key ?? '') }
  try {
    return await pushManager.subscribe(options)
  } catch (error) {
    const former = await pushManager.getSubscription()
    if (former === null) throw error
    await former.unsubscribe()
    return pushManager.subscribe(options)
  }
}

function bytesOf(base64url: string): Uint8Array<ArrayBuffer> {
  const binary = atob(base64url.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(binary, (character) => character.charCodeAt(0))
}

async function turnOn(): Promise<void> {
  say('')
  // First of all: some browsers ask their user only in the press itself.
  const permission = await Notification.requestPermission()
  if (permission === 'denied') return note(texts.blocked)
  // The user closed the question.
  if (permission !== 'granted') return
  const user = document.body.dataset.user ?? ''
  await endThatOfAnother(user)
  await oneTabAtATime(() => start(user))
}

async function start(user: string): Promise<void> {
  // First, so that there is no subscription whose user is not known.
  keepUser(user)
  const registration = await navigator.serviceWorker.register(workerAddress)
  await untilActive(registration)
  const subscription = await subscribe(registration)
  const answer = await fetch(SUBSCRIPTIONS, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...subscription.toJSON(), label: texts.name }),
    signal: AbortSignal.timeout(ANSWER_MAX_MS),
  })
  // A user whose session has ended meanwhile logs in, and comes back.
  if (answer.status === 401) return location.reload()
  const { id, code } = (await answer.json()) as { id?: string; code?: string }
  if (!answer.ok || id === undefined) {
    return say(code === 'push.too_many' ? texts.full : texts.failed)
  }
  keepId(id)
  location.assign(texts.done ?? '')
}

async function show(): Promise<void> {
  if (!canPush) return note(texts.unsupported)
  if (Notification.permission === 'denied') return note(texts.blocked)
  await oneTabAtATime(showState)
}

async function showState(): Promise<void> {
  const subscription = await subscriptionHere()
  const kept = keptId()
  const lines = [...document.querySelectorAll<HTMLElement>('[data-push]')]
  const own = lines.find((line) => line.dataset.push === kept)
  if (own !== undefined && subscription !== null) {
    const mark = own.querySelector<HTMLElement>('em')
    if (mark !== null) mark.hidden = false
    return note(texts.working)
  }
  if (subscription !== null) {
    // Another tab may have made it after this page was written.
    if (await isListed(kept)) return note(texts.working)
    // It was ended from another browser.
    await subscription.unsubscribe()
  }
  forgetKept()
  note(undefined)
}

/** As notification says now; throws when it does not say. */
async function isListed(id: string | null): Promise<boolean> {
  const answer = await fetch(SUBSCRIPTIONS, { signal: AbortSignal.timeout(ANSWER_MAX_MS) })
  if (!answer.ok) throw new Error(`the list was answered with ${answer.status}`)
  const { subscriptions } = (await answer.json()) as { subscriptions: { id: string }[] }
  return subscriptions.some((each) => each.id === id)
}

if (place !== null) {
  place.querySelector('button')?.addEventListener('click', () => {
    turnOn().catch(() => say(texts.failed))
  })
  show().catch(() => note(undefined))
  // A user who allows it in the settings of the browser need not open the page again.
  navigator.permissions
    ?.query({ name: 'notifications' })
    .then((status) => {
      status.addEventListener('change', () => {
        show().catch(() => note(undefined))
      })
    })
    // Not every browser says how it stands; the page is then right after it is opened again.
    .catch(() => {})
}
