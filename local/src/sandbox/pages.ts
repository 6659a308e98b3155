import type { Account, Session } from './objects.ts'
import { CARDS } from './provider.ts'

// Nothing of a page runs, and it is shown in no frame.
export const PAGE_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"

const escapeText = (text: string) =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)

/** Currencies of which Stripe counts whole units. */
const WHOLE = new Set('bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf'.split(' '))
const THREE_DIGITS = new Set(['bhd', 'jod', 'kwd', 'omr', 'tnd'])

function amountText({ amount_total: amount, currency }: Session): string {
  const digits = WHOLE.has(currency) ? 0 : THREE_DIGITS.has(currency) ? 3 : 2
  const text = String(amount).padStart(digits + 1, '0')
  const split = text.length - digits
  const number = digits === 0 ? text : `${text.slice(0, split)}.${text.slice(split)}`
  return `${number} ${currency.toUpperCase()}`
}

function page(title: string, content: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex">
<title>${escapeText(title)}</title>
<style>
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { max-width: 32rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; }
label { display: block; margin: 1rem 0 .3rem; font-weight: 600; }
input { width: 100%; box-sizing: border-box; font: inherit; padding: .6rem; border: 1px solid #767676; border-radius: .4rem; }
button { font: inherit; padding: .6rem 1.2rem; margin: 1rem .5rem 0 0; border-radius: .4rem; border: 1px solid #767676; cursor: pointer; }
button.main { background: #0b57d0; color: #fff; border-color: #0b57d0; }
:focus-visible { outline: 3px solid #f2a900; outline-offset: 2px; }
.amount { font-size: 1.8rem; font-weight: 700; }
.problem { border-left: .3rem solid #c5221f; padding: .4rem .8rem; }
.note { border-top: 1px solid #8886; margin-top: 2rem; padding-top: .5rem; font-size: .9rem; }
table { border-collapse: collapse; } td { padding: .1rem .8rem .1rem 0; } 
</style>
</head>
<body><main>
${content}
</main></body>
</html>`
}

export function payPage(session: Session, description: string, problem?: string): string {
  const cards = Object.entries(CARDS).map(([number, { about }]) => {
    const grouped = number.replace(/(\d{4})(?=\d)/g, '$1 ')
    return `<tr><td><code>${grouped}</code></td><td>${about}</td></tr>`
  })
  const notice =
    problem === undefined
      ? ''
      : `<p class="problem" role="alert" id="problem">${escapeText(problem)}</p>`
  const invalid = problem === undefined ? '' : ' aria-invalid="true" aria-describedby="problem"'
  const cancel =
    session.cancel_url === null
      ? ''
      : `<p><a href="${escapeText(session.cancel_url)}">Go back without paying</a></p>`
  return page(
    `Pay ${amountText(session)}`,
    `<h1>${escapeText(description === '' ? 'Payment' : description)}</h1>
<p class="amount">${amountText(session)}</p>
${notice}
<form method="post" action="/pay/${session.id}">
<label for="card">Card number</label>
<input id="card" name="card" inputmode="numeric" autocomplete="off" required maxlength="23" value="4242 4242 4242 4242"${invalid}>
<button class="main" type="submit">Pay ${amountText(session)}</button>
</form>
${cancel}
<div class="note"><p>This is the sandbox of this machine. No money moves. Card numbers that it knows:</p>
<table><tbody>${cards.join('')}</tbody></table></div>`,
  )
}

export function challengePage(session: Session): string {
  return page(
    'Confirm the payment',
    `<h1>Your bank asks whether it is you</h1>
<p>This step stands for 3-D Secure. The payment is ${amountText(session)}.</p>
<form method="post" action="/pay/${session.id}/challenge">
<button class="main" name="answer" value="pass">Yes, it is me</button>
<button name="answer" value="fail">No, refuse it</button>
</form>`,
  )
}

export function closedPage(session: Session): string {
  const isPaid = session.status === 'complete'
  const url = isPaid ? session.success_url : session.cancel_url
  return page(
    isPaid ? 'Paid' : 'This payment is closed',
    `<h1>${isPaid ? 'You have paid' : 'This payment is closed'}</h1>
<p>${isPaid ? 'There is nothing more to do here.' : 'It ran out of time or was cancelled. Nothing was charged.'}</p>
${url === null ? '' : `<p><a href="${escapeText(url)}">Go back</a></p>`}`,
  )
}

export function onboardingPage(account: Account, token: string): string {
  return page(
    'Where your money goes',
    `<h1>Where your money goes</h1>
<p>This page stands for the forms on which a seller gives bank details. Account ${escapeText(account.id)}.</p>
<form method="post" action="/onboarding/${token}">
<button class="main" name="answer" value="accept">Give valid details</button>
<button name="answer" value="refuse">Give details that are refused</button>
</form>`,
  )
}
