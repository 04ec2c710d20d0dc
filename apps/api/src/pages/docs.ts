import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { Router, type RequestHandler } from 'express'
import { errorsMarkdown } from '../http/error-response.ts'
import { openApiDocument } from '../openapi.ts'
import { contentPolicy } from './content-policy.ts'
import { htmlPage, escapeHtml } from './html-page.ts'

const uiFolder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))
const UI_FILES = ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png']

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><title>Tallyfleet API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/docs/swagger-ui.css"><link rel="icon" href="/docs/favicon-32x32.png">
</head>
<body><div id="ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script>
</body>
</html>
`
const start = 'SwaggerUIBundle({ url: "/openapi.json", dom_id: "#ui", deepLinking: true, tryItOutEnabled: true })\n'

/** `/openapi.json`, and `/docs`: the console for it and the list of error codes, all served from here. */
export function docsPages(): Router {
  const router = Router()
  const document = JSON.stringify(openApiDocument(), null, 2)
  router.get('/openapi.json', (_request, response) => { response.type('json').send(document) })
  router.use('/docs', contentPolicy({ styles: "'unsafe-inline'" }))
  router.get('/docs', (_request, response) => { response.type('html').send(page) })
  router.get('/docs/start.js', (_request, response) => { response.type('js').send(start) })
  router.get('/docs/errors', (_request, response) => {
    response.type('html').send(htmlPage('Error codes', tableOf(errorsMarkdown())))
  })
  for (const file of UI_FILES) router.get(`/docs/${file}`, sendFile(file))
  return router
}

function sendFile(file: string): RequestHandler {
  return (_request, response) => { response.sendFile(file, { root: uiFolder, maxAge: '1d' }) }
}

/** The table of the generated page as HTML: each row with the code as its anchor. */
function tableOf(markdown: string): string {
  const rows = markdown.split('\n').filter((line) => line.startsWith('| <a id=')).map((line) => {
    const [, code, status, kind, meaning] = /^\| <a id="(\w+)"><\/a>`\w+` \| (\d+) \| (\S+) \| (.*) \|$/.exec(line)!
    return `<tr id="${code}"><td><code>${code}</code></td><td>${status}</td><td>${kind}</td><td>${escapeHtml(meaning!)}</td></tr>`
  })
  return `<table><tr><th>Code</th><th>Status</th><th>Kind</th><th>Meaning</th></tr>\n${rows.join('\n')}</table>`
}
