import { displayInstant } from '#src/domain/display.ts'
import { type Html, html } from '#src/domain/html.ts'

export interface LayoutOptions {
  title: string
  /** The server's clock when the data was read; absent on pages without times. */
  serverTime?: string
  /** The script of the page; lots count down unless a page says otherwise. */
  script?: 'countdown' | 'account'
  content: Html
}

const API_PAGES: readonly [string, string][] = [
  ['/identity/docs', 'Identity API'],
  ['/api/v1/items/docs', 'Items API'],
  ['/api/v1/lots/docs', 'Bids API'],
  ['/events.html', 'Events'],
]

/** The frame of every page, as a whole document. */
export function layout({
  title,
  serverTime,
  script = 'countdown',
  content,
}: LayoutOptions): string {
  return `<!doctype html>\n${
    html`<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/style.css">
<script src="/assets/${script}.js" type="module"></script>
</head>
<body>
<a class="skip" href="#content">Skip to content</a>
<header class="top">
<a class="brand" href="/">Auction</a>
<nav aria-label="API pages">${API_PAGES.map(([href, name]) => html`<a href="${href}">${name}</a>`)}
<a href="/account">Account</a></nav>
</header>
<main id="content"${serverTime !== undefined && html` data-server-time="${serverTime}"`}>
${content}
${serverTime !== undefined && clockNote(serverTime)}
</main>
</body>
</html>`.markup
  }`
}

function clockNote(serverTime: string): Html {
  return html`<p class="clock" id="clock">Times left were counted at
<time datetime="${serverTime}">${displayInstant(serverTime)}</time> on the auction’s own clock, which
alone decides when a lot ends.</p>`
}
