/// <reference lib="dom" />
// Passkeys, the one thing that a form cannot do: to log in, to add one, and to prove who one is. The session is a
// cookie that no script can read; the browser sends it by itself.

/** What identity refused, by its stable code. */
class Refusal extends Error {
  readonly code: string
  constructor(code: string) {
    super(code)
    this.code = code
  }
}

const canUse =
  typeof PublicKeyCredential === 'function' &&
  typeof PublicKeyCredential.parseRequestOptionsFromJSON === 'function'

async function ask(path: string, body?: object): Promise<unknown> {
  const response = await fetch(`/identity/${path}`, {
    method: 'POST',
    ...(body !== undefined && {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }),
  })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true
  const answer: unknown = isJson ? JSON.parse(text) : {}
  if (!response.ok) throw new Refusal(String((answer as { code?: unknown }).code))
  return answer
}

let waiting = new AbortController()

/** The user's passkey signs what identity asks; with `conditional` the browser offers it in a field. */
async function sign(path: string, mediation: CredentialMediationRequirement): Promise<unknown> {
  // Only one question at a time may be open.
  waiting.abort()
  waiting = new AbortController()
  const { signal } = waiting
  const options = (await ask(path)) as PublicKeyCredentialRequestOptionsJSON
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options)
  const credential = await navigator.credentials.get({ publicKey, mediation, signal })
  return (credential as PublicKeyCredential).toJSON()
}

/** Says in the words of the page what did not work. */
function show(texts: DOMStringMap, error: unknown): void {
  const name = error instanceof Error ? error.name : ''
  // The user closed the question, or another one took its place.
  if (name === 'AbortError' || name === 'NotAllowedError') return
  const code = error instanceof Refusal ? error.code : ''
  // The account is closed: its page says until when it can be kept.
  if (code === 'identity.deleting' && texts.closed !== undefined) {
    location.assign(texts.closed)
    return
  }
  const isKnown = name === 'InvalidStateError' || code === 'identity.passkey_known'
  const key = code === 'identity.too_many_passkeys' ? 'full' : isKnown ? 'known' : 'fails'
  const status = document.getElementById('passkey-status')
  if (status !== null) status.textContent = texts[key] ?? texts.fails ?? ''
}

/** Offers a button, and what a press of it does. */
function offer(id: string, act: (place: HTMLElement) => Promise<void>): void {
  const place = document.getElementById(id)
  const button = place?.querySelector('button')
  if (place === null || button === null || button === undefined) return
  place.hidden = false
  button.hidden = false
  const note = place.querySelector('small')
  if (note !== null) note.hidden = true
  button.addEventListener('click', () => {
    act(place).catch((error: unknown) => show(place.dataset, error))
  })
}

function offerLogin(): void {
  const form = document.querySelector<HTMLFormElement>('form[data-form="login"]')
  if (form === null) return
  const logIn = async (mediation: CredentialMediationRequirement) => {
    const credential = await sign('passkeys/login/options', mediation)
    const { remember, returnTo } = Object.fromEntries(new FormData(form))
    await ask('passkeys/login/verify', {
      credential,
      transport: 'cookie',
      rememberMe: remember === 'yes',
    })
    location.assign(String(returnTo))
  }
  offer('passkey', () => logIn('optional'))
  const texts = document.getElementById('passkey')?.dataset ?? {}
  void PublicKeyCredential.isConditionalMediationAvailable?.().then((canWait) => {
    if (canWait) logIn('conditional').catch((error: unknown) => show(texts, error))
  })
}

async function add({ dataset }: HTMLElement): Promise<void> {
  const { name = '', proof = '', done = '' } = dataset
  try {
    const options = await ask('passkeys/register/options')
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(
      options as PublicKeyCredentialCreationOptionsJSON,
    )
    const credential = (await navigator.credentials.create({ publicKey })) as PublicKeyCredential
    await ask('passkeys/register/verify', { name, credential: credential.toJSON() })
    location.assign(done)
  } catch (error) {
    const code = error instanceof Refusal ? error.code : ''
    if (code === 'identity.proof_required') location.assign(proof)
    else if (code === 'identity.unauthenticated') location.reload()
    else throw error
  }
}

/** The form goes on without the password: its session is proved by then. */
async function prove(): Promise<void> {
  const passkey = await sign('reauthenticate/passkey', 'optional')
  await ask('reauthenticate', { passkey })
  const form = document.querySelector<HTMLFormElement>('form[data-form="reauthenticate"]')
  for (const input of form?.querySelectorAll<HTMLInputElement>('.field input') ?? []) {
    input.disabled = true
  }
  form?.requestSubmit()
}

if (canUse) {
  offerLogin()
  offer('add-passkey', add)
  offer('prove-passkey', () => prove())
}
