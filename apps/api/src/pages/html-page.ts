// The tokens of the dashboard (apps/dashboard/src/styles/main.css), for pages that stand without it.
const STYLE = ':root{color-scheme:light dark;--ground:light-dark(#f7f6f3,#121211);--panel:light-dark(#fffefc,#191917);'
  + '--line:light-dark(#e5e2db,#2c2b28);--strong:light-dark(#8b877e,#74716a);--ink:light-dark(#1b1a18,#ecebe6);'
  + '--soft:light-dark(#55524c,#b6b3ab);--accent:light-dark(#0f5468,#78c6d8);--on:light-dark(#fff,#0c1a1e);'
  + '--bad:light-dark(#9c3620,#f0937a)}'
  + 'body{font:15px/1.6 ui-sans-serif,system-ui,sans-serif;max-width:46rem;margin:12vh auto 3rem;padding:0 1.25rem;'
  + 'color:var(--ink);background:var(--ground)}h1{font-size:1.5rem;line-height:1.2;letter-spacing:-.011em}h2{font-size:1.1rem}'
  + 'a{color:var(--accent);text-underline-offset:3px}code,pre{font:13px/1.5 ui-monospace,monospace}'
  + 'pre{background:var(--panel);border:1px solid var(--line);padding:1rem;overflow:auto;border-radius:10px}'
  + 'table{border-collapse:collapse}td,th{text-align:left;padding:.3rem .7rem .3rem 0;border-bottom:1px solid var(--line);'
  + 'vertical-align:top}p{color:var(--soft)}form{background:var(--panel);border:1px solid var(--line);border-radius:10px;'
  + 'padding:1.5rem;max-width:24rem;box-sizing:border-box}label{display:block;margin:0 0 1rem;font-size:13px;color:var(--soft)}'
  + 'input{font:inherit;display:block;box-sizing:border-box;margin-top:.25rem;padding:.45rem .6rem;width:100%;'
  + 'border:1px solid var(--strong);border-radius:7px;background:var(--panel);color:var(--ink)}button{font:inherit;font-weight:500;'
  + 'padding:.45rem 1.2rem;border:0;border-radius:7px;background:var(--accent);color:var(--on);cursor:pointer}'
  + ':focus-visible{outline:2px solid var(--accent);outline-offset:2px}[role=alert]{color:var(--bad)}'

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
${title === NAME ? '' : `<p><strong>${NAME}</strong></p>\n`}<h1>${escapeHtml(title)}</h1>
${body}
</body>
</html>
`
}

export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}
