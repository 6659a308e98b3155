const WORDS = new Set(
  `abs absent absent_over_time and atan2 avg avg_over_time bool bottomk by ceil changes clamp_max
  clamp_min count count_over_time delta deriv floor group_left group_right histogram_quantile idelta
  ignoring increase irate label_replace max max_over_time min min_over_time offset on or
  predict_linear quantile rate resets round scalar sort sort_desc stddev sum sum_over_time time topk
  unless vector without`.split(/\s+/),
)

/** The metrics that an expression of Prometheus reads, also those matched by `__name__=~"…(a|b)…"`. */
export function metricsIn(expr: string): string[] {
  const byPattern = [...expr.matchAll(/__name__=~"([^"]*)"/g)].flatMap(([, pattern = '']) =>
    alternatives(pattern),
  )
  const bare = expr
    .replaceAll(/\{[^}]*\}/g, ' ')
    .replaceAll(/\[[^\]]*\]/g, ' ')
    .replaceAll(/"[^"]*"/g, ' ')
    .replaceAll(/\b(by|on|ignoring|without|group_left|group_right)\s*\([^)]*\)/g, ' ')
    .replaceAll(/\b\d[\w.]*/g, ' ')
  const named = [...bare.matchAll(/[a-zA-Z_:][\w:]*/g)].map(([name]) => name)
  return [...new Set([...named.filter((name) => !WORDS.has(name)), ...byPattern])]
}

/** `a_(b|c)_d` is `a_b_d` and `a_c_d`. */
function alternatives(pattern: string): string[] {
  const [, before = '', choices, after = ''] = /^([^(]*)\(([^)]*)\)(.*)$/.exec(pattern) ?? []
  if (choices === undefined) return [pattern]
  return choices.split('|').map((choice) => `${before}${choice}${after}`)
}
