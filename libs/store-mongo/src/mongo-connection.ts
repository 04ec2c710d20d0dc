import { AppError } from '@tallyfleet/domain'
import { type Collection, type Db, type Document, MongoClient, MongoParseError, ReadConcern } from 'mongodb'
import { translated } from './mongo-errors.ts'

export const DEFAULT_DATABASE = 'tallyfleet'

/** How long a call looks for a usable primary before it rejects: long enough for a step-down, short for a probe. */
const SERVER_SELECTION_TIMEOUT_MS = 5_000
/** A majority that does not answer within this time is an error; the caller repeats, and the fence makes that safe. */
const WRITE_CONCERN_TIMEOUT_MS = 30_000
/** Ends calls on a connection that went silent. Above the longest query we send. */
const SOCKET_TIMEOUT_MS = 120_000

/**
 * One pool of connections to one database. Every write is acknowledged by a majority with its journal, every read is
 * from the primary with read concern majority, whatever the URL says: the counting protocol rests on both.
 */
export class MongoConnection implements AsyncDisposable {
  readonly #client: MongoClient
  readonly #db: Db

  private constructor(client: MongoClient, database: string) {
    this.#client = client
    // Set on the database, because `w` and the like in a URL win over the client's options, but not over these.
    this.#db = client.db(database, {
      writeConcern: { w: 'majority', journal: true, wtimeoutMS: WRITE_CONCERN_TIMEOUT_MS },
      readConcern: new ReadConcern('majority'),
      readPreference: 'primary',
    })
  }

  /**
   * Resolves once the server answers.
   * @param url `mongodb://` or `mongodb+srv://`; its path is the database, `tallyfleet` when there is none
   * @throws CONFIG_INVALID for a malformed URL, STORE_UNAVAILABLE when no primary answers within 5 s
   */
  static async open({ url }: { url: string }): Promise<MongoConnection> {
    let client: MongoClient
    try {
      client = new MongoClient(url, {
        appName: 'tallyfleet',
        serverSelectionTimeoutMS: SERVER_SELECTION_TIMEOUT_MS,
        connectTimeoutMS: SERVER_SELECTION_TIMEOUT_MS,
        socketTimeoutMS: SOCKET_TIMEOUT_MS,
      })
    } catch (error) {
      // No cause: errors of URL parsers carry the URL, and with it the password. The driver's own name the fault alone.
      const fault = error instanceof MongoParseError ? error.message : 'it is malformed'
      throw new AppError('CONFIG_INVALID', `the mongodb url cannot be used: ${fault}`)
    }
    try {
      await translated(() => client.connect())
    } catch (error) {
      await client.close()
      throw error
    }
    return new MongoConnection(client, databaseOf(url))
  }

  collection<Record extends Document>(name: string): Collection<Record> {
    return this.#db.collection<Record>(name)
  }

  /** Whether it is there; `collection` alone makes none. */
  async hasCollection(name: string): Promise<boolean> {
    return await this.#db.listCollections({ name }, { nameOnly: true }).hasNext()
  }

  /** Later calls reject with STORE_UNAVAILABLE. Closing twice is fine. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.close()
  }
}

/** The database in a URL's path. By hand: `URL` refuses lists of hosts, and the driver answers `test` for none. */
export function databaseOf(url: string): string {
  const path = /^mongodb(?:\+srv)?:\/\/[^/?]+\/([^?]+)/.exec(url)?.[1]
  return path === undefined ? DEFAULT_DATABASE : decodeURIComponent(path)
}
