import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { z } from 'zod'

/** The least that an Express server does with an event: parses it, checks its form, says it back. Counts nothing. */
const eventSchema = z.strictObject({
  domain: z.string().max(32), entity_type: z.string().max(32), entity_id: z.string().max(1024), action: z.string().max(32),
  occurred_at: z.iso.datetime({ offset: true }), event_id: z.string().regex(/^[A-Za-z0-9._:-]{1,128}$/),
})

const app = express()
app.disable('x-powered-by')
app.use(express.json({ limit: '1mb' }))
app.post('/api/v1/events', (request, response) => {
  response.status(202).json(eventSchema.parse(request.body))
})
const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
process.send!({ ready: true, port: (server.address() as AddressInfo).port })
process.on('SIGTERM', () => process.exit())
process.on('disconnect', () => process.exit())
