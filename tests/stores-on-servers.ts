import { freshName, testServer } from '@tallyfleet/testing'

/**
 * The settings of a fleet on the test servers, with databases and indices of its own. The caller names the kinds, in
 * quotes, because servers are started for the test files that name them. Throws when one of them cannot be had.
 */
export function storesOnServers(mongo: 'mongo', mysql: 'mysql', search: 'elasticsearch' | 'opensearch') {
  const urlOf = (kind: Parameters<typeof testServer>[0]) => {
    const server = testServer(kind)
    if ('skip' in server) throw new Error(server.skip)
    return server.url.replace(/\/$/, '')
  }
  return {
    ROLLUPS_URL: `${urlOf(mongo)}/${freshName('rollups')}`, CATALOG_URL: `${urlOf(mysql)}/${freshName('catalog')}`,
    SEGMENTS_URL: urlOf(search), SEGMENTS_PREFIX: freshName('segments'),
  }
}
