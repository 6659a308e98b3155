import { type Html, html } from '@auction/common/html.ts'
import { picture } from '#src/app/pages/cards.ts'
import { field } from '#src/app/pages/parts.ts'
import type { Viewer } from '#src/app/viewer.ts'
import { TEXT_LENGTHS_MAX } from '#src/domain/text-lengths.ts'
import type { OwnItemView } from '#src/infra/http/selling.ts'
import { type StepEntry, stepPage, stepPath } from './sell-pages.ts'

/** The pictures of an item, each with its place and what it shows, and a form to add some. */
export function picturesPage(viewer: Viewer, item: OwnItemView, entry: StepEntry): string {
  const { pictures: t, ...selling } = viewer.talk.t.selling
  const { images } = item
  const path = viewer.to(stepPath(item.id, 'pictures'))
  const content = html`${
    images.length === 0
      ? html`<p class="empty">${t.none}</p>`
      : html`<ol class="shots">${images.map((_, index) => shot(viewer, item, index, entry))}</ol>`
  }
<sell-pictures ${texts(viewer)}>
<form method="post" action="${path}" enctype="multipart/form-data" data-form="upload">
<div class="field"><label for="field-image">${t.add}</label>
<small id="field-image-hint">${t.hint}</small>
<input id="field-image" type="file" name="image" accept="image/jpeg,image/png,image/webp" multiple required aria-describedby="field-image-hint"></div>
<p><button>${t.upload}</button></p>
</form>
<ul class="uploads" hidden></ul>
<p role="status" class="unseen"></p>
</sell-pictures>
<p class="buttons"><a class="button primary" href="${viewer.to(stepPath(item.id, 'price'))}">${selling.steps.price} →</a>
<a class="button" href="${viewer.to(stepPath(item.id, 'what'))}">← ${selling.steps.what}</a></p>`
  return stepPage(viewer, item, 'pictures', content, entry, { scripts: ['sell'] })
}

function shot(viewer: Viewer, item: OwnItemView, index: number, { typed }: StepEntry): Html {
  const { talk } = viewer
  const { pictures: t } = talk.t.selling
  const image = item.images[index]
  if (image === undefined) return html``
  const number = talk.number(index + 1)
  const name = `altText-${image.id}`
  const act = (value: string, label: string, text: string, isPossible: boolean) =>
    isPossible && html`<button name="do" value="${value}" aria-label="${label}">${text}</button>`
  return html`<li>${picture(image, { alt: image.alt_text || t.label(number), sizes: '10rem', isFirst: index === 0 })}
<form method="post" action="${viewer.to(`/sell/${item.id}/pictures/${image.id}`)}" data-form="picture" novalidate>
${index === 0 && html`<p class="badge good">${t.first}</p>`}
${field({ name, label: t.alt, hint: t.altHint, value: typed?.[name] ?? image.alt_text, lengthMax: TEXT_LENGTHS_MAX['image.alt_text'], isOptional: true })}
<p class="buttons"><button name="do" value="alt">${t.saveAlt}</button>
${act('up', t.up(number), t.upShort, index > 0)}
${act('down', t.down(number), t.downShort, index < item.images.length - 1)}
${act('delete', t.remove(number), t.removeShort, true)}</p>
</form></li>
`
}

/** What the script says of files that are on their way. */
function texts({ talk }: Viewer): Html {
  const { pictures: t } = talk.t.selling
  const words = {
    waiting: t.waiting,
    sending: t.sending,
    done: t.done,
    retry: t.retry,
    lost: t.lost,
    show: t.show,
  }
  return html`${Object.entries(words).map(([name, text]) => html` data-text-${name}="${text}"`)}`
}
