import { EVENTS } from '@auction/common/contracts/asyncapi.ts'
import type { EventContract } from '@auction/common/contracts/event.ts'
import { type Html, html } from '@auction/common/html.ts'
import { SUBSCRIPTIONS } from '@auction/common/rabbitmq/topology.ts'
import { inEnglish, type Viewer } from '#src/app/viewer.ts'
import { layout } from './layout.ts'

interface Field {
  type?: string
  pattern?: string
  items?: Field
}

/** The events of the platform for human readers; programs read the AsyncAPI document. */
export function eventsPage(viewer: Viewer): string {
  return layout({
    viewer: inEnglish(viewer),
    title: 'Events',
    content: html`<h1>Events</h1>
<p>For other systems, over RabbitMQ. <a href="/asyncapi.json">The same as AsyncAPI 3</a>.</p>
<ul>${EVENTS.map(({ key }) => html`<li><a href="#${key}">${key}</a></li>`)}</ul>
${EVENTS.map(section)}`,
  })
}

function section(contract: EventContract): Html {
  const { key, publisher, exchange, payload } = contract
  const consumers = SUBSCRIPTIONS.filter((one) => one.contract.key === key)
    .map(({ consumer }) => consumer)
    .join(', ')
  const required = new Set(payload.required)
  return html`<section aria-labelledby="${key}">
<h2 id="${key}">${key}</h2>
<p>Published by ${publisher} on <code>${exchange}</code>${consumers !== '' && html`, consumed by ${consumers}`}.</p>
<section class="scroll" aria-label="Payload of ${key}" tabindex="0"><table>
<thead><tr><th scope="col">Field</th><th scope="col">Type</th><th scope="col">Always there</th></tr></thead>
<tbody>${Object.entries(payload.properties).map(
    ([name, field]) =>
      html`<tr><td><code>${name}</code></td><td>${typeName(field as Field)}</td><td>${required.has(name) ? 'yes' : 'no'}</td></tr>
`,
  )}</tbody>
</table></section>
</section>
`
}

function typeName({ type = 'any', pattern, items }: Field): string {
  if (items !== undefined) return `list of ${typeName(items)}`
  return pattern === undefined ? type : `${type} ${pattern}`
}
