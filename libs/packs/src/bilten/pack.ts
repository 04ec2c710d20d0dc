import { definePack } from '@tallyfleet/domain'

const TRACKED = ['event', 'organizer', 'campaign', 'page']
const SOLD = ['event', 'organizer', 'campaign']
const revenue = { property: 'revenue_cents', unit: 'cent' }

/**
 * Events, their organizers and campaigns. Money is a whole number of cents: a sum of fractions drifts. What is bought
 * is counted on the event; an organizer's or a campaign's part is an event of its own on that entity.
 */
export const bilten = definePack({
  domain: 'bilten',
  title: 'Event platform',
  description: 'Page views, clicks, conversions, registrations and ticket sales of events and organizers',
  finest: 'hour',
  entityTypes: {
    event: {
      title: 'Event',
      catalog: {
        table: 'bilten_events',
        key: { column: 'id' },
        tenantColumn: 'tenant',
        titleColumn: 'title',
        totals: {
          page_view: 'page_views', click: 'clicks', conversion: 'conversions', registration: 'registrations',
          ticket_purchase: 'ticket_purchases',
        },
        columns: {
          title: { type: 'string', title: 'Title' },
          description: { type: 'text', title: 'Description' },
          organizer: { type: 'string', dimension: true, title: 'Organizer (id)', references: 'organizer' },
          category: { type: 'string', dimension: true, title: 'Category' },
          tags: { type: 'list', dimension: true, title: 'Tags' },
          status: { type: 'string', dimension: true, title: 'Status' },
          venue: { type: 'string', dimension: true, title: 'Venue' },
          city: { type: 'string', dimension: true, title: 'City' },
          country: { type: 'string', dimension: true, title: 'Country' },
          starts_at: { type: 'datetime', title: 'Starts' },
          ends_at: { type: 'datetime', title: 'Ends' },
          capacity: { type: 'integer', title: 'Places' },
          price_cents: { type: 'integer', title: 'Lowest price in cents' },
          currency: { type: 'string', dimension: true, title: 'Currency' },
          created_at: { type: 'datetime', title: 'Added' },
          updated_at: { type: 'datetime', title: 'Changed' },
        },
        quality: {
          fields: {
            category: 'category', tags: 'tags', date: 'starts_at', venue: 'venue', city: 'city', organizer: 'organizer',
            description: 'description',
          },
          category: 'category',
          twinDate: 'starts_at',
        },
      },
    },
    organizer: {
      title: 'Organizer',
      catalog: {
        table: 'bilten_organizers',
        key: { column: 'id' },
        tenantColumn: 'tenant',
        titleColumn: 'name',
        totals: { page_view: 'page_views', conversion: 'conversions', ticket_purchase: 'ticket_purchases' },
        columns: {
          name: { type: 'string', title: 'Name' },
          description: { type: 'text', title: 'Description' },
          category: { type: 'string', dimension: true, title: 'Category' },
          city: { type: 'string', dimension: true, title: 'City' },
          country: { type: 'string', dimension: true, title: 'Country' },
          verified: { type: 'boolean', dimension: true, title: 'Verified' },
          created_at: { type: 'datetime', title: 'Added' },
        },
      },
    },
    campaign: {
      title: 'Campaign',
      catalog: {
        table: 'bilten_campaigns',
        key: { column: 'id' },
        tenantColumn: 'tenant',
        titleColumn: 'name',
        totals: { page_view: 'page_views', click: 'clicks', conversion: 'conversions' },
        columns: {
          name: { type: 'string', title: 'Name' },
          channel: { type: 'string', dimension: true, title: 'Channel' },
          organizer: { type: 'string', dimension: true, title: 'Organizer (id)', references: 'organizer' },
          budget_cents: { type: 'integer', title: 'Budget in cents' },
          starts_on: { type: 'date', title: 'First day' },
          ends_on: { type: 'date', title: 'Last day' },
        },
      },
    },
    page: { title: 'Page' },
  },
  actions: {
    page_view: { title: 'Page view', entityTypes: TRACKED },
    click: { title: 'Click', entityTypes: TRACKED },
    conversion: { title: 'Conversion', entityTypes: TRACKED, measures: { revenue } },
    custom: { title: 'Custom event', entityTypes: TRACKED },
    registration: { title: 'Registration', entityTypes: SOLD },
    ticket_purchase: {
      title: 'Ticket purchase',
      entityTypes: SOLD,
      measures: { revenue, tickets: { property: 'tickets', unit: 'ticket', max: 100_000 } },
    },
  },
})
