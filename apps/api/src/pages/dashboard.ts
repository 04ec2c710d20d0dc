import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { extname, join, relative, sep } from 'node:path'
import { Router, type Request, type RequestHandler, type Response } from 'express'
import { contentPolicy } from './content-policy.ts'
import { sessionTokenOf } from './session.ts'

type Encoding = 'br' | 'gzip'
type Asset = { type: string; plain: Buffer; packed: Partial<Record<Encoding, Buffer>> }

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml',
}
const YEAR = 'public, max-age=31536000, immutable'
/** Addresses of the API and of other pages: a wrong one there is answered with a problem, not with the dashboard. */
const TAKEN = /^\/(api|admin|docs|assets|login|logout|livez|readyz|metrics)(\/|$)|\.\w+$/

/**
 * The dashboard, as its build left it: `/`, every path that it knows, and its files, packed beforehand. A browser
 * without a session is sent to the login. Without a build there is none of this.
 * @param folder the build, `apps/dashboard/dist`; read once
 */
export function dashboardPages(folder: string | undefined): Router {
  const router = Router()
  if (folder === undefined || !existsSync(join(folder, 'index.html'))) return router
  const assets = readAssets(folder)
  const page = assets.get('/index.html')!
  // The chart library sets styles on elements, which a policy counts as inline; style elements stay forbidden.
  const policy = contentPolicy({ styleAttributes: true })
  const sendPage: RequestHandler = (request, response) => {
    if (sessionTokenOf(request) === undefined && accepts(request, 'text/html')) {
      return response.redirect(303, request.originalUrl === '/' ? '/login' : `/login?next=${encodeURIComponent(request.originalUrl)}`)
    }
    send(page, 'no-cache', request, response)
  }
  router.get('/', policy, sendPage)
  router.get('/{*path}', (request, response, next) => {
    const asset = request.path === '/index.html' ? undefined : assets.get(request.path)
    if (asset) return send(asset, request.path.startsWith('/assets/') ? YEAR : 'public, max-age=3600', request, response)
    if (TAKEN.test(request.path) || !accepts(request, 'text/html')) return next()
    policy(request, response, () => sendPage(request, response, next))
  })
  return router
}

function readAssets(folder: string): Map<string, Asset> {
  const assets = new Map<string, Asset>()
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const type = TYPES[extname(entry.name)]
    if (!entry.isFile() || type === undefined) continue
    const file = join(entry.parentPath, entry.name)
    const packed: Asset['packed'] = {}
    if (existsSync(`${file}.br`)) packed.br = readFileSync(`${file}.br`)
    if (existsSync(`${file}.gz`)) packed.gzip = readFileSync(`${file}.gz`)
    assets.set(`/${relative(folder, file).split(sep).join('/')}`, { type, plain: readFileSync(file), packed })
  }
  return assets
}

function send({ type, plain, packed }: Asset, caching: string, request: Request, response: Response): void {
  const encoding = (['br', 'gzip'] as const).find((name) => packed[name] && request.acceptsEncodings(name))
  response.set({ 'content-type': type, 'cache-control': caching, vary: 'accept-encoding', ...(encoding && { 'content-encoding': encoding }) })
  response.end(encoding ? packed[encoding] : plain)
}

/** Whether the client names the type: browsers do when a page is opened, programs that take anything do not. */
function accepts(request: Request, type: string): boolean {
  return (request.headers.accept ?? '').includes(type)
}
