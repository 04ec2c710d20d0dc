import { MongoClient } from 'mongodb'

/** A database of one test: its URL, and a client to look at it past the store. Dropped on disposal. */
export type TestDatabase = AsyncDisposable & { url: string; client: MongoClient }

export async function openTestDatabase(serverUrl: string, name: string): Promise<TestDatabase> {
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  const client = await MongoClient.connect(url.href)
  return {
    url: url.href,
    client,
    async [Symbol.asyncDispose]() {
      await client.db().dropDatabase()
      await client.close()
    },
  }
}
