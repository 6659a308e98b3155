import { type Html, html } from '@auction/common/html.ts'
import { ofField } from '#src/app/pages/lot/lot-page.ts'
import { field, hidden, type Notes, sectionAway, select } from '#src/app/pages/parts.ts'
import { CURRENCIES, inTree } from '#src/app/pages/search-page.ts'
import type { Viewer } from '#src/app/viewer.ts'
import { localTime } from '#src/domain/local-time.ts'
import type { Problem } from '#src/domain/problem-text.ts'
import { amountIn, attributeIn, type Typed } from '#src/domain/selling-form.ts'
import { readZone } from '#src/domain/talk.ts'
import { TEXT_LENGTHS_MAX } from '#src/domain/text-lengths.ts'
import type { CategoryView } from '#src/infra/http/catalogue.ts'
import type {
  DefinitionView,
  OwnAttributesView,
  OwnItemView,
  SellCategoryView,
} from '#src/infra/http/selling.ts'
import { sellingPage } from './frame.ts'

export const STEPS = ['what', 'pictures', 'price', 'delivery', 'preview'] as const
export type Step = (typeof STEPS)[number]

export const stepPath = (id: string, step: Step): string =>
  step === 'what' ? `/sell/${id}` : `/sell/${id}/${step}`

/** What a step shows besides what is stored: what was typed and is wrong. */
export interface StepEntry extends Notes {
  typed?: Typed
}

/** Attributes that have fields of their own, whatever the category. */
export const OWN_KEYS = ['condition', 'delivery', 'delivery_note', 'returns'] as const

interface WhatParts {
  /** Absent before the first step is saved. */
  item: OwnItemView | undefined
  attributes: OwnAttributesView
  categories: readonly CategoryView[] | 'away'
  category: SellCategoryView | 'away' | undefined
  key: string
  drafts: Html | false
}

/** The first step: a new item, or what an item is. */
export function whatPage(viewer: Viewer, parts: WhatParts, entry: StepEntry): string {
  const { item, categories, category } = parts
  const { selling } = viewer.talk.t
  const { problems = [], typed = {} } = entry
  const value = (name: string, stored: string | undefined) => typed[name] ?? stored ?? ''
  const attribute = (key: string, kind = 'text') =>
    typed[`attr-${key}`] ?? attributeIn(viewer.talk, kind, storedValue(parts.attributes, key) ?? '')
  const definitions =
    category === undefined || category === 'away'
      ? []
      : category.attributes.filter(({ key }) => !(OWN_KEYS as readonly string[]).includes(key))
  const conditions = Object.entries(selling.conditions)
  const condition = attribute('condition')
  const content = html`${item === undefined && parts.drafts}
${stepForm(viewer, item, 'what', {
  action: item === undefined ? '/sell' : stepPath(item.id, 'what'),
  fields: html`${hidden('key', parts.key)}${field({ name: 'name', label: selling.name, hint: selling.nameHint, value: value('name', item?.name), lengthMax: TEXT_LENGTHS_MAX['item.name'], problems })}
${field({ name: 'description', label: selling.description, type: 'long', hint: selling.descriptionHint, value: value('description', item?.description), lengthMax: TEXT_LENGTHS_MAX['item.description'], isOptional: true, problems })}
${
  categories === 'away'
    ? sectionAway(viewer.talk)
    : select({
        name: 'category',
        label: selling.category,
        options: [
          ['', selling.noCategory],
          ...inTree(categories).map(
            ({ category: { id, name }, depth }) => [id, `${'– '.repeat(depth)}${name}`] as const,
          ),
        ],
        value: value('category', item?.categories[0]),
        problems,
      })
}
${select({
  name: 'attr-condition',
  label: selling.condition,
  options: conditions.some(([code]) => code === condition)
    ? conditions
    : [...conditions, [condition, condition]],
  value: condition,
  problems,
})}
${
  definitions.length > 0 &&
  html`<fieldset id="details"><legend>${selling.details}</legend>
${definitions.map((definition) => attributeField(viewer, definition, attribute(definition.key, definition.kind), problems))}</fieldset>`
}
${category === 'away' && sectionAway(viewer.talk)}`,
})}`
  return stepPage(viewer, item, 'what', content, entry)
}

const storedValue = (attributes: OwnAttributesView, key: string) =>
  attributes.find((attribute) => attribute.key === key)?.value

function attributeField(
  viewer: Viewer,
  { key, label, kind, unit, choices }: DefinitionView,
  value: string,
  problems: readonly Problem[],
): Html {
  const { selling } = viewer.talk.t
  const name = `attr-${key}`
  if (kind === 'choice' && choices !== undefined && choices !== null) {
    const known = value === '' || choices.includes(value) ? choices : [...choices, value]
    const options = [['', selling.notSaid] as const, ...known.map((each) => [each, each] as const)]
    return select({ name, label, options, value, problems })
  }
  return field({
    name,
    label: unit === undefined || unit === null ? label : `${label} (${unit})`,
    type: kind === 'number' ? 'amount' : 'text',
    ...(kind === 'number' ? { hint: selling.numberHint } : {}),
    value,
    lengthMax: TEXT_LENGTHS_MAX['attribute.value'],
    isOptional: true,
    problems,
  })
}

/** What it costs and when it ends. */
export function pricePage(viewer: Viewer, item: OwnItemView, entry: StepEntry): string {
  const { talk } = viewer
  const { selling } = talk.t
  const { problems = [], typed } = entry
  const isDraft = item.status === 'draft'
  // As the form is read.
  const zone = typed === undefined ? talk.zone : readZone(typed.zone)
  const value = (name: string, stored: string) => typed?.[name] ?? stored
  const currencyCode = value('currencyCode', item.currencyCode)
  const amount = (name: 'reservePrice' | 'bidIncrement' | 'buyoutPrice' | 'startPrice') =>
    field({
      name,
      label: `${selling[name]} (${currencyCode})${name === 'startPrice' ? '' : ` – ${selling.optional}`}`,
      type: 'amount',
      hint: selling[`${name}Hint`],
      value: value(name, amountIn(talk, item[name])),
      lengthMax: 32,
      isOptional: name !== 'startPrice',
      problems,
    })
  const minutes = value(
    'buyoutReservationMinutes',
    item.buyoutReservationMinutes === undefined ? '' : String(item.buyoutReservationMinutes),
  )
  const modes = Object.entries(selling.buyModes).sort(([a], [b]) => Number(a) - Number(b))
  const isStarted = item.status === 'active'
  const isNow = Date.parse(item.startDate) <= Date.parse(item.serverTime)
  const start = value('start', isNow ? 'now' : 'at')
  const content = html`${stepForm(viewer, item, 'price', {
    action: stepPath(item.id, 'price'),
    fields: html`<p>${item.type === 'english' ? selling.kinds.english : selling.kinds.other}</p>
${
  isDraft
    ? select({
        name: 'currencyCode',
        label: selling.currency,
        options: currencies(item.currencyCode).map((code) => [code, code]),
        value: currencyCode,
        problems,
      })
    : hidden('currencyCode', item.currencyCode)
}
${amount('startPrice')}${amount('reservePrice')}${amount('bidIncrement')}${amount('buyoutPrice')}
${select({
  name: 'buyoutReservationMinutes',
  label: selling.buyMode,
  options: modes.some(([code]) => code === minutes)
    ? modes
    : [...modes, [minutes, selling.buyModeMinutes(minutes)]],
  value: minutes,
  problems,
})}
${hidden('zone', zone)}
${
  !isStarted &&
  html`<fieldset><legend>${selling.start}</legend>
${radio('start', 'now', selling.startNow, start)}
${radio('start', 'at', selling.startAt, start)}
${moment('startDate', selling.startTime, selling.inZone(zone), value('startDate', isNow ? '' : localTime(item.startDate, zone)), problems, true)}</fieldset>`
}
${moment('endDate', selling.endTime, `${selling.inZone(zone)} ${selling.now(talk.instant(item.serverTime))} ${selling.alsoUtc(utcOf(item.originalEndDate))}`, value('endDate', localTime(item.originalEndDate, zone)), problems)}
<fieldset><legend>${selling.lateBids}</legend>
${(
  [
    ['extensionThresholdMinutes', selling.extensionThreshold],
    ['extensionDurationMinutes', selling.extensionDuration],
  ] as const
).map(([name, label]) =>
  field({
    name,
    label,
    type: 'amount',
    ...(name === 'extensionThresholdMinutes' ? { hint: selling.extensionHint } : {}),
    value: value(name, String(item[name])),
    lengthMax: 4,
    problems,
  }),
)}</fieldset>`,
  })}`
  return stepPage(viewer, item, 'price', content, entry)
}

const utcOf = (instant: string) => `${instant.slice(0, 10)} ${instant.slice(11, 16)}`

const currencies = (present: string) =>
  CURRENCIES.includes(present) ? CURRENCIES : [...CURRENCIES, present]

function radio(name: string, value: string, label: string, chosen: string): Html {
  const id = `field-${name}-${value}`
  return html`<p><input id="${id}" type="radio" name="${name}" value="${value}"${value === chosen && html` checked`}>
<label for="${id}">${label}</label></p>`
}

/** A field for date and time, which browsers without one show as text. */
function moment(
  name: string,
  label: string,
  hint: string,
  value: string,
  problems: readonly Problem[],
  isOptional = false,
): Html {
  const id = `field-${name}`
  const wrong = ofField(problems, name)[0]
  const about = wrong === undefined ? `${id}-hint` : `${id}-problem ${id}-hint`
  return html`<div class="field"><label for="${id}">${label}</label>
<small id="${id}-hint">${hint}</small>
${wrong !== undefined && html`<strong class="wrong" id="${id}-problem">${wrong.text}</strong>`}
<input id="${id}" name="${name}" type="datetime-local" value="${value}"${!isOptional && html` required`}${
    wrong !== undefined && html` aria-invalid="true"`
  } aria-describedby="${about}"></div>
`
}

/** How the buyer gets it. */
export function deliveryPage(
  viewer: Viewer,
  item: OwnItemView,
  attributes: OwnAttributesView,
  entry: StepEntry,
): string {
  const { selling } = viewer.talk.t
  const { problems = [], typed } = entry
  const value = (key: string) => typed?.[`attr-${key}`] ?? storedValue(attributes, key) ?? ''
  const delivery = value('delivery')
  const options = Object.entries(selling.deliveries)
  const content = html`${stepForm(viewer, item, 'delivery', {
    action: stepPath(item.id, 'delivery'),
    fields: html`${select({
      name: 'attr-delivery',
      label: selling.delivery,
      options: options.some(([code]) => code === delivery)
        ? options
        : [...options, [delivery, delivery]],
      value: delivery,
      problems,
    })}
${field({ name: 'attr-delivery_note', label: selling.deliveryNote, hint: selling.deliveryNoteHint, value: value('delivery_note'), lengthMax: TEXT_LENGTHS_MAX['attribute.value'], isOptional: true, problems })}
${field({ name: 'attr-returns', label: selling.returns, hint: selling.returnsHint, value: value('returns'), lengthMax: TEXT_LENGTHS_MAX['attribute.value'], isOptional: true, problems })}
<p>${selling.payment}</p>`,
  })}`
  return stepPage(viewer, item, 'delivery', content, entry)
}

/** A form of a step: all its buttons save, and go on, back or stay. */
function stepForm(
  viewer: Viewer,
  item: OwnItemView | undefined,
  step: Step,
  { action, fields }: { action: string; fields: Html },
): Html {
  const { selling } = viewer.talk.t
  return html`<form class="step" method="post" action="${viewer.to(action)}" data-form="${step}" novalidate>
${fields}
<p class="buttons"><button class="primary" name="go" value="next">${selling.next}</button>
${step !== 'what' && html`<button name="go" value="back">${selling.back}</button>`}
${item !== undefined && html`<button name="go" value="stay">${selling.save}</button>`}</p>
</form>`
}

/** The frame of every step: where the seller is, and what the page is about. */
export function stepPage(
  viewer: Viewer,
  item: OwnItemView | undefined,
  step: Step,
  content: Html,
  { flash, problems = [] }: StepEntry,
  options: { scripts?: readonly 'sell'[]; serverTime?: string } = {},
): string {
  const { selling } = viewer.talk.t
  const title = item === undefined ? selling.new : selling.edit(item.name)
  const heading = item === undefined ? html`${selling.new}` : html`<bdi>${item.name}</bdi>`
  return sellingPage({
    ...options,
    viewer,
    part: 'sell',
    title: `${selling.steps[step]} – ${title}`,
    heading,
    flash,
    problems,
    content: html`<ol class="steps" aria-label="${selling.steps.label}">${STEPS.map(
      (each) =>
        html`<li${each === step && html` aria-current="step"`}>${
          item === undefined || each === step
            ? selling.steps[each]
            : html`<a href="${viewer.to(stepPath(item.id, each))}">${selling.steps[each]}</a>`
        }</li>
`,
    )}</ol>
<h2>${selling.steps[step]}</h2>
<p class="count">${item === undefined || item.status === 'draft' ? selling.draftNote : selling.openNote}</p>
${content}`,
  })
}

/** Drafts that wait, in front of a new item. */
export function draftsNote(
  viewer: Viewer,
  drafts: readonly { id: string; name: string }[],
): Html | false {
  if (drafts.length === 0) return false
  return html`<section class="panel" aria-labelledby="drafts"><h2 id="drafts">${viewer.talk.t.selling.drafts}</h2>
<ul class="links">${drafts.map(
    ({ id, name }) => html`<li><a href="${viewer.to(`/sell/${id}`)}" dir="auto">${name}</a></li>`,
  )}</ul></section>`
}
