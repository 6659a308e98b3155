/// <reference lib="dom" />
// The secret of a mailed link is behind its #, which the browser does not send: it goes into the form here. Without
// this script the user pastes the link.
const field = document.querySelector<HTMLInputElement>('input[name="token"]')
const secret = new URLSearchParams(location.hash.slice(1)).get('token')
if (field !== null) {
  if (secret !== null) {
    field.value = secret
    // The same page in another language needs it as well.
    for (const link of document.querySelectorAll<HTMLAnchorElement>('footer a[hreflang]')) {
      link.hash = location.hash
    }
    // It stays in no address bar, and in no history for who sits here next.
    history.replaceState(null, '', location.pathname + location.search)
  }
  const place = field.closest<HTMLElement>('[data-part="link"]')
  if (place !== null && field.value !== '')
    place.hidden = field.getAttribute('aria-invalid') === null
}
