/// <reference lib="dom" />
// Whose notices this browser shows. A subscription outlives the session that it was made in, so its user is kept beside it.

export const WORKER = '/assets/push-worker.js'
/** Which subscription of the list is this browser's. It is no secret: only its owner can do anything with it. */
const KEPT_ID = 'push-subscription'
const KEPT_USER = 'push-user'

export const keptId = (): string | null => localStorage.getItem(KEPT_ID)
export const keepId = (id: string): void => localStorage.setItem(KEPT_ID, id)
export const keepUser = (user: string): void => localStorage.setItem(KEPT_USER, user)

export function forgetKept(): void {
  localStorage.removeItem(KEPT_ID)
  localStorage.removeItem(KEPT_USER)
}

/** One tab at a time: otherwise one could end the subscription that another is making. */
export async function oneTabAtATime<T>(work: () => Promise<T>): Promise<T> {
  // Not every browser has locks.
  return navigator.locks === undefined ? work() : navigator.locks.request('push', work)
}

export async function subscriptionHere(): Promise<PushSubscription | null> {
  const registration = await navigator.serviceWorker.getRegistration(WORKER)
  return (await registration?.pushManager.getSubscription()) ?? null
}

function isOfAnother(user: string): boolean {
  const kept = localStorage.getItem(KEPT_USER)
  return kept === null ? keptId() !== null : kept !== user
}

/** Ends what a user before has left in this browser: their session ended without a logout here. */
export async function endThatOfAnother(user: string): Promise<void> {
  // Storage alone is looked at on every page.
  if (!isOfAnother(user)) return
  await oneTabAtATime(async () => {
    if (isOfAnother(user)) await endHere()
  })
}

async function endHere(): Promise<void> {
  const registration = await navigator.serviceWorker.getRegistration(WORKER)
  const subscription = await registration?.pushManager.getSubscription()
  // Without the worker nothing is shown, even when the push service cannot be reached now.
  await subscription?.unsubscribe().catch(() => false)
  await registration?.unregister()
  forgetKept()
}
