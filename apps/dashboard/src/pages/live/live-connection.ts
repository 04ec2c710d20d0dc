import type { LiveDeltaData, LiveMessage, LiveSnapshotData } from '@tallyfleet/api-contract'

/** `polling`: no socket holds, so it is asked every five seconds; `lost`: not even that works. */
export type LiveStatus = 'connecting' | 'live' | 'polling' | 'lost'

const POLL_MS = 5_000
const BACKOFF_MS = { least: 1_000, most: 30_000 }
/** The server says something every five seconds: a socket silent for so long is dead. */
const SILENT_MS = 20_000

/** The part of a WebSocket that is used. */
export type LiveSocket = Pick<WebSocket, 'send' | 'close' | 'onmessage' | 'onclose'>

type Needs = {
  /** Asks for a ticket; answers the path of the socket. */
  findPath: () => Promise<string>
  openSocket: (path: string) => LiveSocket
  readSnapshot: () => Promise<LiveSnapshotData>
  onSnapshot: (snapshot: LiveSnapshotData) => void
  onDelta: (delta: LiveDeltaData) => void
  onLag: (ms: number | null) => void
  /** `error` only with `lost`. */
  onStatus: (status: LiveStatus, error?: unknown) => void
  random?: () => number
}

/**
 * Keeps the live view fed until it is closed: a socket; while none holds, tries again after 1 to 30 s and asks for
 * snapshots meanwhile. Where deltas are missing it asks for a snapshot.
 */
export class LiveConnection {
  readonly #needs: Needs
  #socket: LiveSocket | undefined
  #seq: number | undefined
  #asked = false
  #failures = 0
  #isClosed = false
  #retryTimer: ReturnType<typeof setTimeout> | undefined
  #pollTimer: ReturnType<typeof setTimeout> | undefined
  #silenceTimer: ReturnType<typeof setTimeout> | undefined

  constructor(needs: Needs) {
    this.#needs = needs
    needs.onStatus('connecting')
    void this.#connect()
  }

  /** Tries again now. */
  retry(): void {
    clearTimeout(this.#retryTimer)
    clearTimeout(this.#pollTimer)
    this.#pollTimer = undefined
    void this.#connect()
  }

  close(): void {
    this.#isClosed = true
    for (const timer of [this.#retryTimer, this.#pollTimer, this.#silenceTimer]) clearTimeout(timer)
    this.#socket?.close()
  }

  async #connect(): Promise<void> {
    try {
      const path = await this.#needs.findPath()
      if (this.#isClosed) return
      const socket = this.#needs.openSocket(path)
      this.#socket = socket
      this.#seq = undefined
      this.#asked = false
      this.#heard()
      socket.onmessage = ({ data }: MessageEvent<string>) => this.#read(JSON.parse(data) as LiveMessage)
      socket.onclose = () => { if (this.#socket === socket) this.#fail() }
    } catch (error) {
      this.#fail(error)
    }
  }

  #read(message: LiveMessage): void {
    this.#heard()
    if (message.t === 'lag') return this.#needs.onLag(message.ms)
    if (message.t === 'snapshot') {
      this.#seq = message.seq
      this.#asked = false
      this.#failures = 0
      clearTimeout(this.#pollTimer)
      this.#pollTimer = undefined
      this.#needs.onStatus('live')
      return this.#needs.onSnapshot(message)
    }
    if (this.#seq === undefined || message.seq <= this.#seq) return
    if (message.seq === this.#seq + 1) {
      this.#seq = message.seq
      this.#asked = false
      return this.#needs.onDelta(message)
    }
    if (!this.#asked) this.#socket?.send('{"t":"snapshot"}')
    this.#asked = true
  }

  #heard(): void {
    clearTimeout(this.#silenceTimer)
    this.#silenceTimer = setTimeout(() => this.#socket?.close(), SILENT_MS)
  }

  #fail(error?: unknown): void {
    if (this.#isClosed) return
    clearTimeout(this.#silenceTimer)
    this.#socket = undefined
    const { least, most } = BACKOFF_MS
    const waitMs = Math.min(most, least * 2 ** this.#failures) * (0.5 + 0.5 * (this.#needs.random ?? Math.random)())
    this.#failures++
    this.#retryTimer = setTimeout(() => { void this.#connect() }, Math.max(least, waitMs))
    if (this.#pollTimer === undefined) void this.#poll(error)
  }

  async #poll(cause?: unknown): Promise<void> {
    this.#pollTimer = setTimeout(() => { void this.#poll() }, POLL_MS)
    try {
      const snapshot = await this.#needs.readSnapshot()
      if (this.#isClosed || this.#pollTimer === undefined) return // a socket was faster
      this.#needs.onStatus('polling')
      this.#needs.onSnapshot(snapshot)
    } catch (error) {
      if (!this.#isClosed && this.#pollTimer !== undefined) this.#needs.onStatus('lost', cause ?? error)
    }
  }
}
