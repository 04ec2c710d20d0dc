/** The hash tag that keeps all keys of a shard in one slot. */
export const tagOf = (shard: number) => `{t${shard}}`
export const hotKey = (shard: number) => `hot:${tagOf(shard)}`
export const metaKey = (shard: number) => `meta:${tagOf(shard)}`
export const minutesKey = (shard: number) => `minutes:${tagOf(shard)}`
export const batchKey = (shard: number, n: number) => `batch:${tagOf(shard)}:${n}`
export const claimKey = (shard: number, importId: string) => `imp:${tagOf(shard)}:${importId}`
export const SETTLED_KEY = 'fleet:settled'
