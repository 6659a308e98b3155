/// <reference lib="dom" />
// Of the page of a payment. It looks how the payment stands, and opens the page again when that has changed.
// Without it a link does the same.
export {}

const FIRST_MS = 1_500
const LONGEST_MS = 15_000

const element = document.querySelector<HTMLElement>('[data-payment]')

async function look(id: string, known: string): Promise<void> {
  for (let waitMs = FIRST_MS; ; waitMs = Math.min(waitMs * 1.3, LONGEST_MS)) {
    await new Promise((resolve) => setTimeout(resolve, waitMs))
    // Who looks at another tab is not in a hurry.
    if (document.visibilityState !== 'visible') continue
    const state = await stateOf(id).catch(() => known)
    if (state !== known) return location.reload()
  }
}

async function stateOf(id: string): Promise<string> {
  const response = await fetch(`/api/v1/payments/${id}`, {
    headers: { accept: 'application/json' },
  })
  if (!response.ok) throw new Error(`the payment was answered ${response.status}`)
  const { state } = (await response.json()) as { state: string }
  return state
}

const { payment, state } = element?.dataset ?? {}
if (payment !== undefined && state !== undefined) void look(payment, state)
