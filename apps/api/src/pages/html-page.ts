const STYLE = 'body{font:16px/1.6 system-ui,sans-serif;max-width:46rem;margin:3rem auto;padding:0 1rem;color:#1b2430;'
  + 'background:#fff}h1{line-height:1.2}a{color:#0b5cad}code,pre{font:14px/1.5 ui-monospace,monospace}'
  + 'pre{background:#f2f4f7;padding:1rem;overflow:auto;border-radius:6px}table{border-collapse:collapse}'
  + 'td,th{text-align:left;padding:.3rem .7rem .3rem 0;border-bottom:1px solid #dde2e8;vertical-align:top}'
  + 'label{display:block;margin:.8rem 0}input{font:inherit;display:block;padding:.4rem;width:100%;max-width:20rem}'
  + 'button{font:inherit;padding:.4rem 1.2rem}[role=alert]{color:#a31515}'
  + '@media(prefers-color-scheme:dark){body{background:#14181e;color:#dfe5ec}a{color:#7ab8ff}pre{background:#1f262f}'
  + 'td,th{border-color:#333c47}[role=alert]{color:#ff8c8c}}'

/** The address of the one style sheet of plain pages. */
export const STYLE_PATH = '/plain.css'
export const plainStyle = STYLE

const NAME = 'Tallyfleet'

/** A plain page. `body` is HTML: escape what comes from outside. */
export function htmlPage(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><title>${title === NAME ? NAME : `${escapeHtml(title)} · ${NAME}`}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="stylesheet" href="${STYLE_PATH}">
</head>
<body>
<h1>${escapeHtml(title)}</h1>
${body}
</body>
</html>
`
}

export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}
