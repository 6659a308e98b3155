import { type Html, html } from '@auction/common/html.ts'
import { countText, layout } from '#src/app/pages/layout.ts'
import { hidden, type Notes } from '#src/app/pages/parts.ts'
import type { Viewer } from '#src/app/viewer.ts'
import type { InboxView, NoticeView } from '#src/infra/http/notifications.ts'

/** What a user was notified of, the latest first. */
export function inboxPage(
  viewer: Viewer,
  { notifications, nextCursor, unreadCount }: InboxView,
  { isUnreadOnly, isFirst, problems = [] }: Notes & { isUnreadOnly: boolean; isFirst: boolean },
): string {
  const { talk } = viewer
  const { notices: t } = talk.t
  const path = (query: Record<string, string>) => {
    const all = new URLSearchParams(isUnreadOnly ? { unread: 'yes', ...query } : query)
    return viewer.to(all.size === 0 ? '/notifications' : `/notifications?${all}`)
  }
  const [latest] = notifications
  return layout({
    viewer,
    title: t.title,
    problems,
    content: html`<h1>${t.title}</h1>
<nav class="tabs" aria-label="${t.tabs}"><a href="${viewer.to('/notifications')}"${!isUnreadOnly && html` aria-current="page"`}>${t.all}</a>
<a href="${viewer.to('/notifications?unread=yes')}"${isUnreadOnly && html` aria-current="page"`}>${t.onlyUnread} (${countText(viewer, unreadCount)})</a>
<a href="${viewer.to('/notifications/settings')}">${t.settings}</a></nav>
${
  // Of an earlier page it would mark others than those that are seen.
  latest !== undefined &&
  unreadCount > 0 &&
  isFirst &&
  html`<form method="post" action="${viewer.to('/notifications/read')}" data-form="read-all">${hidden('upTo', latest.id)}<p><button>${t.markAll}</button></p></form>`
}
${
  notifications.length === 0
    ? html`<p class="empty">${isUnreadOnly ? t.noneUnread : t.none}</p>`
    : html`<ul class="notices">${notifications.map((notice) => noticeRow(viewer, notice))}</ul>`
}
${nextCursor !== undefined && html`<p><a class="button" rel="next" href="${path({ cursor: nextCursor })}">${t.more}</a></p>`}`,
  })
}

function noticeRow(viewer: Viewer, notice: NoticeView): Html {
  const { talk } = viewer
  const { notices: t } = talk.t
  const isUnread = notice.readAt === undefined
  return html`<li${isUnread && html` class="new"`}>${noticeText(viewer, notice)}
${
  isUnread &&
  html`<form method="post" action="${viewer.to(`/notifications/${notice.id}/read`)}" data-form="read"><button aria-label="${t.markReadOf(notice.title)}">${t.markRead}</button></form>`
}</li>
`
}

/** Its title leads to what it is about. A path is ours only as far as it begins with one slash. */
export function noticeText(viewer: Viewer, notice: NoticeView): Html {
  const { talk } = viewer
  const { notices: t } = talk.t
  const path = /^\/(?![/\\])/.test(notice.path) ? notice.path : '/'
  return html`<p><a href="${viewer.to(path)}" dir="auto"><strong>${notice.title}</strong></a> ${notice.readAt === undefined && html`<span class="badge warn">${t.isNew}</span>`}</p>
<p dir="auto">${notice.body}</p>
<small>${talk.instant(notice.createdAt)}</small>`
}
