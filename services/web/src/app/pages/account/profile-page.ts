import { type Html, html } from '@auction/common/html.ts'
import { checkbox, field, type Notes, postForm, sectionAway, select } from '#src/app/pages/parts.ts'
import type { Viewer } from '#src/app/viewer.ts'
import { countriesIn } from '#src/domain/countries.ts'
import { LOCALES } from '#src/domain/locale.ts'
import { LOCALE_NAMES, type Talk } from '#src/domain/talk.ts'
import { TEXT_LENGTHS_MAX } from '#src/domain/text-lengths.ts'
import type { AccountView, ProfileView } from '#src/infra/http/identity.ts'
import { accountPage } from './frame.ts'

/** What is in the fields of a profile, as it was typed or as it is stored. */
export interface ProfileEntry {
  name: string
  country: string
  city: string
  phone: string
  description: string
  isBusiness: boolean
}

export interface ProfileParts extends Notes {
  account: AccountView
  profile: ProfileView | 'away'
  /** What was typed, where the form came back. */
  entry?: ProfileEntry
  /** As chosen on this device; empty where the browser decides. */
  choice: { locale: string; zone: string }
}

/** Who the user is for others, their photo, and how pages are written for them. */
export function profilePage(viewer: Viewer, parts: ProfileParts): string {
  const { account, profile } = parts
  const { account: t } = viewer.talk.t
  return accountPage(viewer, 'profile', {
    flash: parts.flash,
    problems: parts.problems ?? [],
    content: html`<p><strong id="name" dir="auto">${account.name}</strong> <span id="email" dir="auto">${account.email}</span></p>
${profile === 'away' ? sectionAway(viewer.talk) : profileForms(viewer, profile, parts)}
<section aria-labelledby="language-title"><h2 id="language-title">${t.languageTitle}</h2>
<p><small>${t.languageHint}</small></p>
${postForm(viewer.to('/account/language'), 'language', t.save, languageFields(viewer.talk, parts.choice))}</section>`,
  })
}

function profileForms(viewer: Viewer, profile: ProfileView, parts: ProfileParts): Html {
  const { talk } = viewer
  const { account: t } = talk.t
  const { problems = [] } = parts
  const entry = parts.entry ?? entryOf(profile)
  const countries = [['', t.noCountry] as const, ...countriesIn(talk.language)]
  return html`${postForm(
    viewer.to('/account'),
    'profile',
    t.save,
    html`${field({ name: 'name', label: t.name, hint: t.nameHint, autocomplete: 'name', value: entry.name, problems, lengthMax: TEXT_LENGTHS_MAX.name })}
${select({ name: 'country', label: t.country, options: countries, value: entry.country, problems, autocomplete: 'country' })}
${field({ name: 'city', label: t.city, autocomplete: 'address-level2', value: entry.city, problems, isOptional: true, lengthMax: TEXT_LENGTHS_MAX['profile.city'] })}
${field({ name: 'phone', label: t.phone, hint: t.phoneHint, autocomplete: 'tel', value: entry.phone, problems, isOptional: true, lengthMax: 60 })}
${field({ name: 'description', label: t.about, hint: t.aboutHint, type: 'long', value: entry.description, problems, isOptional: true, lengthMax: TEXT_LENGTHS_MAX['profile.description'] })}
${checkbox({ name: 'isBusiness', label: t.business, isChecked: entry.isBusiness })}`,
  )}
${viewer.userId !== undefined && html`<p><a href="${viewer.to(`/sellers/${viewer.userId}`)}">${t.publicProfile}</a></p>`}
${photo(viewer, profile, problems)}`
}

function photo(viewer: Viewer, { photoUrl }: ProfileView, problems: Notes['problems'] = []): Html {
  const { account: t } = viewer.talk.t
  const wrong = problems.find(({ field: about }) => about === 'photo')
  return html`<section aria-labelledby="photo-title"><h2 id="photo-title">${t.photoTitle}</h2>
${
  photoUrl === null
    ? html`<p class="empty">${t.noPhoto}</p>`
    : html`<p><img src="${photoUrl}" alt="${t.photoAlt}" width="128" height="128"></p>
<form method="post" action="${viewer.to('/account/photo/remove')}" data-form="photo-remove"><p><button>${t.removePhoto}</button></p></form>`
}
<form method="post" action="${viewer.to('/account/photo')}" enctype="multipart/form-data" data-form="photo">
<div class="field"><label for="field-photo">${t.photoField}</label>
<small id="field-photo-hint">${t.photoHint}</small>
${wrong !== undefined && html`<strong class="wrong" id="field-photo-problem">${wrong.text}</strong>`}
<input id="field-photo" name="photo" type="file" accept="image/png,image/jpeg,image/webp" required${
    wrong !== undefined && html` aria-invalid="true"`
  } aria-describedby="${wrong === undefined ? '' : 'field-photo-problem '}field-photo-hint"></div>
<p><button>${t.sendPhoto}</button></p></form></section>`
}

function languageFields(talk: Talk, choice: ProfileParts['choice']): Html {
  const { account: t } = talk.t
  const languages = [
    ['', t.languageAuto] as const,
    ...LOCALES.map((locale) => [locale, LOCALE_NAMES[locale]] as const),
  ]
  const zones = [['', t.zoneAuto] as const, ...ZONES]
  return html`${select({ name: 'locale', label: t.language, options: languages, value: choice.locale })}
${select({ name: 'zone', label: t.zone, options: zones, value: choice.zone })}`
}

/** Zones have one spelling in every language. */
const ZONES = ['UTC', ...Intl.supportedValuesOf('timeZone').filter((zone) => zone !== 'UTC')].map(
  (zone) => [zone, zone.replaceAll('_', ' ')] as const,
)

const entryOf = ({ name, country, city, phone, description, isBusiness }: ProfileView) => ({
  name,
  country: country ?? '',
  city: city ?? '',
  phone: phone ?? '',
  description: description ?? '',
  isBusiness,
})
