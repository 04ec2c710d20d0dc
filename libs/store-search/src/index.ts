/**
 * Segments in Elasticsearch 8 and 9 or OpenSearch: the only lib that knows their client. It never updates or deletes
 * a document. Start at search-segment-store.ts; segment-index.ts says what is indexed, and why so little.
 */
export * from './search-connection.ts'
export * from './search-segment-store.ts'
