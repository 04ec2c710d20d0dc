import type { RequestHandler } from 'express'

/**
 * A content security policy for pages that need more than the strict default: everything from this origin, and what
 * is named. `framed`: pages of this origin may show it inside them. Replaces the policy of helmet.
 */
export function contentPolicy(
  { styles = '', styleAttributes = false, framed = false }: { styles?: string; styleAttributes?: boolean; framed?: boolean } = {},
): RequestHandler {
  const policy = [
    "default-src 'none'", "script-src 'self'", `style-src 'self' ${styles}`.trim(),
    ...(styleAttributes ? ["style-src-attr 'unsafe-inline'"] : []), "img-src 'self' data:",
    "font-src 'self' data:", "connect-src 'self'", "frame-src 'self'", "base-uri 'self'", "form-action 'self'",
    `frame-ancestors ${framed ? "'self'" : "'none'"}`,
  ].join('; ')
  return (_request, response, next) => {
    response.setHeader('content-security-policy', policy)
    next()
  }
}
