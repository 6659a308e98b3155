import { type Html, html } from '@auction/common/html.ts'
import { layout } from '#src/app/pages/layout.ts'
import { field, type Notes, sectionAway, select } from '#src/app/pages/parts.ts'
import type { Viewer } from '#src/app/viewer.ts'
import { LOCALES } from '#src/domain/locale.ts'
import { LOCALE_NAMES } from '#src/domain/talk.ts'
import type { NoticePreferencesView, PushSubscriptionView } from '#src/infra/http/notifications.ts'

export const CATEGORIES = [
  'bidding',
  'results',
  'purchases',
  'sales',
  'questions',
  'searches',
  'integrations',
] as const
export const CHANNELS = ['mail', 'push'] as const
export const CHOICES = ['now', 'daily', 'weekly', 'off'] as const

export interface SettingsParts {
  preferences: NoticePreferencesView
  /** Undefined: this installation has no push. */
  pushKey: string | 'away' | undefined
  subscriptions: readonly PushSubscriptionView[] | 'away'
  /** How this browser is called in that list, once it is there. */
  browserName: string
}

/** How a user is notified besides by the inbox: by kind of notice and by channel. */
export function settingsPage(viewer: Viewer, parts: SettingsParts, notes: Notes): string {
  const { notices: t } = viewer.talk.t
  const { preferences, pushKey } = parts
  const { problems = [] } = notes
  const hasPush = pushKey !== undefined
  const zones = ['UTC', ...Intl.supportedValuesOf('timeZone').filter((zone) => zone !== 'UTC')]
  // What was chosen by another name of the same zone stays to be chosen.
  if (!zones.includes(preferences.timeZone)) zones.unshift(preferences.timeZone)
  return layout({
    viewer,
    title: t.settings,
    flash: notes.flash,
    problems,
    scripts: hasPush ? ['push'] : [],
    content: html`<p><a href="${viewer.to('/notifications')}">${t.title}</a></p>
<h1>${t.settings}</h1>
<p>${t.form.intro}</p>
${hasPush && push(viewer, parts)}
<form method="post" action="${viewer.to('/notifications/settings')}" data-form="settings" class="wide" novalidate>
${matrix(viewer, preferences, hasPush)}
<p><small>${t.form.alwaysMailed}</small></p>
<fieldset><legend>${t.form.languageTitle}</legend>
${select({ name: 'language', label: t.form.language, options: LOCALES.map((locale) => [locale, LOCALE_NAMES[locale]]), value: preferences.language, problems })}
${select({ name: 'timeZone', label: t.form.zone, options: zones.map((zone) => [zone, zone.replaceAll('_', ' ')]), value: preferences.timeZone, problems })}
</fieldset>
<fieldset><legend>${t.form.quiet}</legend>
<small>${t.form.quietHint}</small>
${field({ name: 'from', label: t.form.from, value: preferences.quietHours?.from ?? '', isOptional: true, lengthMax: 5, problems })}
${field({ name: 'until', label: t.form.until, value: preferences.quietHours?.until ?? '', isOptional: true, lengthMax: 5, problems })}
</fieldset>
<p><button class="primary">${t.form.save}</button></p>
</form>`,
  })
}

/** A list to choose from for each kind and channel; what is always sent is said, and not to be chosen. */
function matrix(
  { talk }: Viewer,
  { choices, locked }: NoticePreferencesView,
  hasPush: boolean,
): Html {
  const { form: t } = talk.t.notices
  const channels = CHANNELS.filter((channel) => channel !== 'push' || hasPush)
  const cell = (category: (typeof CATEGORIES)[number], channel: (typeof CHANNELS)[number]) => {
    const isLocked = locked.some((each) => each.category === category && each.channel === channel)
    const chosen = choices[category]?.[channel]
    if (isLocked || chosen === undefined) return html`${isLocked && t.locked}`
    const label = t.choiceFor(t.categories[category], t.channels[channel])
    return html`<select name="${category}-${channel}" aria-label="${label}">${CHOICES.map(
      (choice) =>
        html`<option value="${choice}"${choice === chosen && html` selected`}>${t.choices[choice]}</option>`,
    )}</select>`
  }
  return html`<table class="stack matrix">
<thead><tr><th scope="col">${t.what}</th>${channels.map((channel) => html`<th scope="col">${t.channels[channel]}</th>`)}</tr></thead>
<tbody>${CATEGORIES.map(
    (category) =>
      html`<tr><th scope="row">${t.categories[category]}</th>${channels.map(
        (channel) => html`<td data-label="${t.channels[channel]}">${cell(category, channel)}</td>`,
      )}</tr>
`,
  )}</tbody></table>`
}

function push(viewer: Viewer, { pushKey, subscriptions, browserName }: SettingsParts): Html {
  const { talk } = viewer
  const { push: t } = talk.t.notices
  return html`<section aria-labelledby="push"><h2 id="push">${t.title}</h2>
<p>${t.intro}</p>
${pushKey === 'away' || pushKey === undefined ? sectionAway(talk) : pushHere(viewer, pushKey, browserName)}
${
  subscriptions === 'away'
    ? sectionAway(talk)
    : subscriptions.length > 0 &&
      html`<ul class="sessions">${subscriptions.map((each) => subscriptionLine(viewer, each))}</ul>`
}</section>`
}

/** A script fills it: with the button, or with why there is none. */
function pushHere(viewer: Viewer, key: string, browserName: string): Html {
  const { push: t, errors } = viewer.talk.t.notices
  const done = viewer.to('/notifications/settings?said=shown')
  return html`<p id="push-here" data-key="${key}" data-name="${browserName}" data-done="${done}" data-blocked="${t.blocked}" data-unsupported="${t.unsupported}" data-working="${t.working}" data-full="${errors['push.too_many']}" data-failed="${t.failed}"><small>${t.needsScript}</small><button type="button" hidden>${t.start}</button></p>
<p class="status warn" id="push-status" role="status"></p>`
}

function subscriptionLine(viewer: Viewer, { id, label, createdAt }: PushSubscriptionView): Html {
  const { talk } = viewer
  const { push: t } = talk.t.notices
  const name = label === '' ? t.unnamed : label
  return html`<li data-push="${id}"><strong><bdi>${name}</bdi></strong> <small>${t.since(talk.instant(createdAt))}</small> <em hidden>${t.isThis}</em>
<form method="post" action="${viewer.to('/notifications/settings/push/end')}" data-form="end-push"><input type="hidden" name="id" value="${id}"><button aria-label="${t.endOf(name)}">${t.end}</button></form></li>
`
}
