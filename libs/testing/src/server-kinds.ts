/** The servers a test can ask for, and the command under `ops/services` that starts one of each. */
export const serverKinds = {
  redis: { start: ['redis/start'], env: 'TEST_REDIS_URL' },
  mysql: { start: ['mysql/start'], env: 'TEST_MYSQL_URL' },
  mongo: { start: ['mongo/start'], env: 'TEST_MONGO_URL' },
  elasticsearch: { start: ['search/start', 'elasticsearch'], env: 'TEST_SEARCH_URL' },
  'elasticsearch-8': { start: ['search/start', 'elasticsearch-8'], env: 'TEST_SEARCH_URL' },
  opensearch: { start: ['search/start', 'opensearch'], env: 'TEST_SEARCH_URL' }
} as const

export type ServerKind = keyof typeof serverKinds

/** A server as the global setup found it; `missing` tells one that should be there from one nobody asked for. */
export type TestServer = { url: string } | { skip: string, missing: boolean }

declare module 'vitest' {
  export interface ProvidedContext {
    /** Only the kinds that a chosen test file names. */
    testServers: Partial<Record<ServerKind, TestServer>>
  }
}
