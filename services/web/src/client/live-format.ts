// How a script writes what the server writes too, in the language and zone of the page.

export const moneyIn = (language: string, currency = 'EUR') => {
  const format = new Intl.NumberFormat(language, { style: 'currency', currency })
  return (amount: string) => format.format(amount as Intl.StringNumericLiteral)
}

export const instantIn = (language: string, timeZone: string) => {
  const format = new Intl.DateTimeFormat(language, {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    timeZone,
    timeZoneName: 'short',
  })
  return (iso: string) => format.format(Date.parse(iso))
}
