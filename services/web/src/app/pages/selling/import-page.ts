import { type Html, html } from '@auction/common/html.ts'
import { hidden, type Notes } from '#src/app/pages/parts.ts'
import type { Viewer } from '#src/app/viewer.ts'
import { reasonText } from '#src/domain/selling-problem.ts'
import { sellingPage } from './frame.ts'

export interface ImportPreview {
  rows: number
  first: readonly { name: string; currencyCode: string; startPrice: string; endDate: string }[]
}

export interface ImportEntry extends Notes {
  key: string
  preview?: ImportPreview
  /** Whether it was imported is unknown: the same can be sent again. */
  isLost?: boolean
  /** The file that was checked, where a page can hold it. */
  data?: string
  errors?: readonly { line: number; column: number; field: string; reason: string }[]
}

/** A file is checked first, and imported when its reader has seen what becomes of it. */
export function importPage(viewer: Viewer, entry: ImportEntry): string {
  const { talk } = viewer
  const { importing: t } = talk.t.selling
  const { preview, errors = [], key, data, isLost = false, ...notes } = entry
  const canImport = preview !== undefined || isLost
  return sellingPage({
    viewer,
    part: 'items',
    title: t.title,
    ...notes,
    content: html`${preview === undefined ? html`<p>${t.text}</p>` : found(viewer, preview)}
${errors.length > 0 && wrong(viewer, errors)}
${
  canImport &&
  form(
    viewer,
    'import',
    t.go,
    html`${hidden('key', key)}${data === undefined ? html`<p>${t.chooseAgain}</p>${chooser(viewer)}` : hidden('data', data)}`,
  )
}
${canImport && html`<h2>${t.other}</h2>`}
${(!canImport || data !== undefined) && form(viewer, 'check', t.check, html`${hidden('key', key)}${chooser(viewer)}`)}`,
  })
}

const form = (viewer: Viewer, name: string, button: string, fields: Html): Html =>
  html`<form method="post" action="${viewer.to('/my/items/import')}" enctype="multipart/form-data" data-form="${name}">
${hidden('do', name)}${fields}
<p><button${name === 'import' && html` class="primary"`}>${button}</button></p></form>`

function chooser({ talk }: Viewer): Html {
  const { importing: t } = talk.t.selling
  return html`<div class="field"><label for="field-file">${t.file}</label>
<small id="field-file-hint">${t.fileHint}</small>
<input id="field-file" type="file" name="file" accept=".csv,.tsv,text/csv" required aria-describedby="field-file-hint"></div>`
}

function found({ talk }: Viewer, { rows, first }: ImportPreview): Html {
  const { importing: t, items, startPrice, endTime } = talk.t.selling
  return html`<p class="flash">${talk.count(rows, t.found)}</p>
<h2 id="first">${t.first}</h2>
<section class="scroll" aria-labelledby="first" tabindex="0"><table class="stack">
<thead><tr><th scope="col">${items.item}</th><th scope="col">${startPrice}</th><th scope="col">${endTime}</th></tr></thead>
<tbody>${first.map(
    (row) => html`<tr><th scope="row"><bdi>${row.name}</bdi></th>
<td data-label="${startPrice}">${talk.money(row.startPrice, row.currencyCode)}</td>
<td data-label="${endTime}">${talk.instant(row.endDate)}</td></tr>
`,
  )}</tbody></table></section>`
}

function wrong({ talk }: Viewer, errors: NonNullable<ImportEntry['errors']>): Html {
  const { importing: t } = talk.t.selling
  return html`<h2 id="errors">${t.errors}</h2>
<section class="scroll" aria-labelledby="errors" tabindex="0"><table class="stack">
<thead><tr><th scope="col">${t.line}</th><th scope="col">${t.column}</th><th scope="col">${t.problem}</th></tr></thead>
<tbody>${errors.map(
    ({
      line,
      column,
      field,
      reason,
    }) => html`<tr><th scope="row">${t.line} ${talk.number(line)}</th>
<td data-label="${t.column}">${talk.number(column)}${field !== '' && html` (<bdi>${field}</bdi>)`}</td>
<td data-label="${t.problem}">${reasonText(talk, field, reason)}</td></tr>
`,
  )}</tbody></table></section>`
}
